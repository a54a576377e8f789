//! What an operator types about policies.

use super::Order;
use std::io;
use std::path::{Path, PathBuf};

/// What to do with the policies.
#[derive(Debug, clap::Args)]
pub struct Typed {
    /// What.
    #[arg(value_enum)]
    pub what: What,
    /// For propose, the folder of the set's files; for confirm, the digest that was shown.
    pub which: Option<String>,
}

/// What is done with the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Say which set is in force, and what a proposed one opens and closes
    Show,
    /// By one operator: check the files of a folder, say what they open and close, and propose them
    Propose,
    /// By one operator: propose to go back to the set that is part of this version
    BuiltIn,
    /// By the other operator: put what is proposed in force
    Confirm,
}

impl Typed {
    /// The order, with the operator's code where one is needed.
    ///
    /// # Errors
    /// When the folder's files cannot be read.
    pub fn order(&self, code: impl FnOnce(usize) -> io::Result<String>) -> io::Result<Order> {
        let which = self.which.clone().unwrap_or_default();
        Ok(match self.what {
            What::Show => Order::Show,
            What::Propose => Order::Propose {
                files: files(Path::new(&which))?,
                code: code(0)?,
            },
            What::BuiltIn => Order::Propose {
                files: Vec::new(),
                code: code(0)?,
            },
            What::Confirm => Order::Confirm {
                digest: which,
                code: code(1)?,
            },
        })
    }
}

/// The policies of a folder; a folder without any is a slip of the hand, and not the wish to go back.
fn files(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let is_policy = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "cedar");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_policy(&path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.push((name.into_owned(), std::fs::read_to_string(&path)?));
        }
    }
    if found.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no file there ends in .cedar",
        ));
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(what: What, which: &Path) -> io::Result<Order> {
        let which = Some(which.to_string_lossy().into_owned());
        let code = |operator| Ok(format!("code {operator}"));
        Typed { what, which }.order(code)
    }

    #[test]
    fn a_folder_is_taken_whole_and_an_empty_one_is_a_slip_of_the_hand() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| std::fs::write(folder.path().join(name), name).unwrap();
        put("schema.cedarschema");
        assert!(typed(What::Propose, folder.path()).is_err());
        put("b.cedar");
        put("a.cedar");
        let Order::Propose { code, files } = typed(What::Propose, folder.path()).unwrap() else {
            panic!("not a proposal");
        };
        let named = |name: &str| (name.to_owned(), name.to_owned());
        assert_eq!(files, [named("a.cedar"), named("b.cedar")]);
        assert_eq!(code, "code 0");
        assert!(typed(What::Propose, &folder.path().join("none")).is_err());
    }

    #[test]
    fn going_back_takes_no_files_and_confirming_the_other_operator_s_code() {
        let digest = Path::new("00ff");
        let back = typed(What::BuiltIn, digest).unwrap();
        assert!(
            matches!(back, Order::Propose { code, files } if files.is_empty() && code == "code 0")
        );
        let confirmed = typed(What::Confirm, digest).unwrap();
        assert!(
            matches!(confirmed, Order::Confirm { code, digest } if code == "code 1" && digest == "00ff")
        );
        assert!(matches!(typed(What::Show, digest).unwrap(), Order::Show));
    }
}

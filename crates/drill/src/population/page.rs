//! Setting letters on A4 pages and writing them as PDF with an embedded, subset font.

use std::collections::HashMap;

use jiff::civil::Date;
use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::MetadataProvider;
use skrifa::instance::{LocationRef, Size};

const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
pub(super) const LEFT: f32 = 62.0;
pub(super) const RIGHT: f32 = WIDTH - 62.0;
const TOP: f32 = 52.0;
const BOTTOM: f32 = HEIGHT - 66.0;
/// Size of running text in points, and the distance of its lines.
const TEXT: f32 = 9.8;
const LINE: f32 = 14.2;

/// Red, green, blue.
pub(super) type Ink = (u8, u8, u8);
pub(super) const BLACK: Ink = (28, 32, 36);
pub(super) const GREY: Ink = (96, 104, 112);
const PALE: Ink = (241, 244, 246);
const HAIR: Ink = (200, 206, 212);

/// Regular or bold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

struct Face {
    font: Font,
    /// Glyph and advance in ems by character.
    glyphs: HashMap<char, (u32, f32)>,
}

impl Face {
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let font = skrifa::FontRef::new(bytes).ok()?;
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units = f32::from(
            font.metrics(Size::unscaled(), LocationRef::default())
                .units_per_em,
        );
        let glyphs = font
            .charmap()
            .mappings()
            .filter_map(|(code, glyph)| {
                let advance = metrics.advance_width(glyph)? / units;
                Some((char::from_u32(code)?, (glyph.to_u32(), advance)))
            })
            .collect();
        Some(Self {
            font: Font::new(bytes.into(), 0)?,
            glyphs,
        })
    }

    /// The font has no ʻokina; its opening quotation mark has the same shape.
    fn glyph(&self, character: char) -> (u32, f32) {
        let shown = if character == '\u{2BB}' {
            '\u{2018}'
        } else {
            character
        };
        self.glyphs.get(&shown).copied().unwrap_or((0, 0.5))
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        text.chars()
            .map(|character| self.glyph(character).1)
            .sum::<f32>()
            * size
    }

    fn shaped(&self, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, character)| {
                let (glyph, advance) = self.glyph(character);
                let range = at..at + character.len_utf8();
                KrillaGlyph::new(GlyphId::new(glyph), advance, 0.0, 0.0, 0.0, range, None)
            })
            .collect()
    }
}

/// The fonts of all letters, read once.
pub(super) struct TypeFaces {
    regular: Face,
    bold: Face,
}

impl TypeFaces {
    pub(super) fn read() -> Option<Self> {
        Some(Self {
            regular: Face::read(include_bytes!("../../fonts/OpenSans-Regular.ttf"))?,
            bold: Face::read(include_bytes!("../../fonts/OpenSans-Bold.ttf"))?,
        })
    }

    const fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

enum Mark {
    Text {
        x: f32,
        y: f32,
        size: f32,
        weight: Weight,
        ink: Ink,
        text: String,
    },
    Block {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        ink: Ink,
    },
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    /// Left edge in points.
    pub x: f32,
}

/// A letter being set: marks by page, and where the next line goes.
pub(super) struct Sheet<'a> {
    faces: &'a TypeFaces,
    accent: Ink,
    pages: Vec<Vec<Mark>>,
    y: f32,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(faces: &'a TypeFaces, accent: Ink) -> Self {
        Self {
            faces,
            accent,
            pages: vec![Vec::new()],
            y: TOP,
        }
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Begins a new page when fewer than `height` points are left.
    pub(super) fn keep_together(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
    }

    pub(super) fn gap(&mut self, height: f32) {
        self.y += height;
    }

    fn put(&mut self, x: f32, y: f32, size: f32, weight: Weight, ink: Ink, text: &str) {
        self.mark(Mark::Text {
            x,
            y,
            size,
            weight,
            ink,
            text: text.to_owned(),
        });
    }

    fn put_right(&mut self, y: f32, size: f32, ink: Ink, text: &str) {
        let x = RIGHT - self.faces.regular.width(text, size);
        self.put(x, y, size, Weight::Regular, ink, text);
    }

    fn rule(&mut self, y: f32, height: f32, ink: Ink) {
        self.mark(Mark::Block {
            x: LEFT,
            y,
            width: RIGHT - LEFT,
            height,
            ink,
        });
    }

    /// Breaks text into lines no wider than `width`.
    fn lines(&self, text: &str, width: f32, size: f32, weight: Weight) -> Vec<String> {
        let face = self.faces.face(weight);
        let space = face.width(" ", size);
        let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
        for word in text.split_whitespace() {
            let length = face.width(word, size);
            if !line.is_empty() && used + space + length > width {
                lines.push(std::mem::take(&mut line));
            }
            if line.is_empty() {
                used = length;
            } else {
                line.push(' ');
                used += space + length;
            }
            line.push_str(word);
        }
        lines.push(line);
        lines
    }

    /// The sender's name over its address, contact lines at the right, and a rule.
    pub(super) fn letterhead(&mut self, name: &str, under: &[String], right: &[String]) {
        let accent = self.accent;
        self.put(LEFT, self.y + 14.0, 17.0, Weight::Bold, accent, name);
        let mut y = self.y + 30.0;
        for (at, line) in under.iter().enumerate() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a letterhead has a handful of lines"
            )]
            let down = at as f32 * 11.5;
            self.put(LEFT, y + down, 8.4, Weight::Regular, GREY, line);
        }
        for line in right {
            self.put_right(y, 8.4, GREY, line);
            y += 11.5;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a letterhead has a handful of lines"
        )]
        let rows = under.len().max(right.len()) as f32;
        self.y += 30.0 + rows * 11.5 - 3.0;
        self.rule(self.y, 1.6, accent);
        self.y += 24.0;
    }

    /// A short line; `ink` and weight as given.
    pub(super) fn line(&mut self, text: &str, weight: Weight, ink: Ink) {
        self.keep_together(LINE);
        self.put(LEFT, self.y, TEXT, weight, ink, text);
        self.y += LINE;
    }

    /// A line at the right edge, at the height of the next line, which stays free.
    pub(super) fn aside(&mut self, text: &str) {
        self.put_right(self.y, TEXT, BLACK, text);
    }

    pub(super) fn title(&mut self, text: &str) {
        let accent = self.accent;
        self.keep_together(34.0);
        self.y += 4.0;
        self.put(LEFT, self.y, 13.5, Weight::Bold, accent, text);
        self.y += 21.0;
    }

    pub(super) fn heading(&mut self, text: &str) {
        let accent = self.accent;
        // Never alone at the foot of a page.
        self.keep_together(22.0 + 2.0 * LINE);
        self.y += 5.0;
        self.put(LEFT, self.y, 10.6, Weight::Bold, accent, text);
        self.y += LINE + 1.5;
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        for line in self.lines(text, RIGHT - LEFT, TEXT, Weight::Regular) {
            self.line(&line, Weight::Regular, BLACK);
        }
        self.y += 5.0;
    }

    pub(super) fn bullets<T: AsRef<str>>(&mut self, items: &[T]) {
        for item in items {
            let lines = self.lines(item.as_ref(), RIGHT - LEFT - 14.0, TEXT, Weight::Regular);
            for (at, line) in lines.iter().enumerate() {
                self.keep_together(LINE);
                if at == 0 {
                    self.put(LEFT + 3.0, self.y, TEXT, Weight::Regular, BLACK, "•");
                }
                self.put(LEFT + 14.0, self.y, TEXT, Weight::Regular, BLACK, line);
                self.y += LINE;
            }
            self.y += 1.5;
        }
        self.y += 4.0;
    }

    /// A pale box of labels and values in two columns: whom the letter is about.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        let rows = facts.len().div_ceil(2);
        #[expect(clippy::cast_precision_loss, reason = "a box has a handful of rows")]
        let height = rows as f32 * 15.0 + 13.0;
        self.keep_together(height + 10.0);
        let (top, accent) = (self.y - 11.0, self.accent);
        self.mark(Mark::Block {
            x: LEFT,
            y: top,
            width: RIGHT - LEFT,
            height,
            ink: PALE,
        });
        self.mark(Mark::Block {
            x: LEFT,
            y: top,
            width: 2.4,
            height,
            ink: accent,
        });
        for (at, (label, value)) in facts.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a box has a handful of rows")]
            let y = top + 17.0 + (at / 2) as f32 * 15.0;
            let x = if at % 2 == 0 {
                LEFT + 12.0
            } else {
                LEFT + 250.0
            };
            self.put(x, y, 8.4, Weight::Regular, GREY, label);
            self.put(x + 68.0, y, TEXT, Weight::Bold, BLACK, value);
        }
        self.y = top + height + 20.0;
    }

    pub(super) fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        self.keep_together(2.0 * 17.0 + 8.0);
        let accent = self.accent;
        for column in columns {
            self.put(column.x, self.y, 8.6, Weight::Bold, accent, column.title);
        }
        self.rule(self.y + 5.0, 0.9, accent);
        self.y += 18.0;
        for row in rows {
            self.keep_together(17.0);
            let is_flagged = row.last().is_some_and(|flag| !flag.is_empty());
            for (at, (column, cell)) in columns.iter().zip(row).enumerate() {
                let weight = if is_flagged && at > 0 {
                    Weight::Bold
                } else {
                    Weight::Regular
                };
                self.put(column.x, self.y, 9.2, weight, BLACK, cell);
            }
            self.rule(self.y + 5.0, 0.4, HAIR);
            self.y += 16.5;
        }
        self.y += 6.0;
    }

    /// Writes the PDF; `None` when the library refuses it.
    pub(super) fn write(
        mut self,
        title: &str,
        author: &str,
        date: Date,
        footer: &str,
    ) -> Option<Vec<u8>> {
        let pages = std::mem::take(&mut self.pages);
        let count = pages.len();
        let mut document = Document::new();
        document.set_metadata(
            Metadata::new()
                .title(title.to_owned())
                .authors(vec![author.to_owned()])
                .language("en-NZ".to_owned())
                .creation_date(written_on(date)),
        );
        for (number, mut marks) in pages.into_iter().enumerate() {
            let size = 7.6;
            let of = format!("Page {} of {count}", number + 1);
            let x = RIGHT - self.faces.regular.width(&of, size);
            let y = HEIGHT - 36.0;
            marks.push(Mark::Block {
                x: LEFT,
                y: y - 14.0,
                width: RIGHT - LEFT,
                height: 0.5,
                ink: HAIR,
            });
            let text = footer.to_owned();
            marks.push(Mark::Text {
                x: LEFT,
                y,
                size,
                weight: Weight::Regular,
                ink: GREY,
                text,
            });
            marks.push(Mark::Text {
                x,
                y,
                size,
                weight: Weight::Regular,
                ink: GREY,
                text: of,
            });
            let mut page = document.start_page_with(PageSettings::from_wh(WIDTH, HEIGHT)?);
            let mut surface = page.surface();
            for mark in &marks {
                draw(&mut surface, self.faces, mark)?;
            }
            surface.finish();
            page.finish();
        }
        document.finish().ok()
    }
}

fn written_on(date: Date) -> DateTime {
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    DateTime::new(u16::try_from(date.year()).unwrap_or(2026))
        .month(part(date.month()))
        .day(part(date.day()))
        .hour(9)
        .minute(0)
        .second(0)
        .utc_offset_hour(12)
        .utc_offset_minute(0)
}

fn draw(surface: &mut krilla::surface::Surface<'_>, faces: &TypeFaces, mark: &Mark) -> Option<()> {
    let (Mark::Text { ink, .. } | Mark::Block { ink, .. }) = mark;
    surface.set_fill(Some(Fill {
        paint: rgb::Color::new(ink.0, ink.1, ink.2).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }));
    match mark {
        Mark::Text {
            x,
            y,
            size,
            weight,
            text,
            ..
        } => {
            if !text.is_empty() {
                let face = faces.face(*weight);
                surface.draw_glyphs(
                    Point::from_xy(*x, *y),
                    &face.shaped(text),
                    face.font.clone(),
                    text,
                    *size,
                    false,
                );
            }
        }
        Mark::Block {
            x,
            y,
            width,
            height,
            ..
        } => {
            let mut path = PathBuilder::new();
            path.push_rect(Rect::from_xywh(*x, *y, *width, *height)?);
            surface.draw_path(&path.finish()?);
        }
    }
    Some(())
}

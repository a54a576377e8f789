//! What letters are about: sentences that a clinician might write, none of them about a real person.

use candour_core::fhir::Sensitivity;

/// A matter that letters are written about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Hearing,
    Breathing,
    Heart,
    Mood,
    Pregnancy,
    Stomach,
    Diabetes,
    Knee,
    Eyes,
    Memory,
    Skin,
    Wrist,
    Abdomen,
    Growth,
}

/// The sentences of a topic; `{name}` stands for what the patient is called.
pub(super) struct Text {
    pub department: &'static str,
    pub concern: &'static str,
    pub history: &'static [&'static str],
    pub examination: &'static [&'static str],
    pub advice: &'static [&'static str],
    /// Why somebody stays in hospital, what happens there, and what the practice is asked to do afterwards.
    pub stay_reason: &'static str,
    pub stay: &'static [&'static str],
    pub afterwards: &'static [&'static str],
    pub tag: Option<Sensitivity>,
}

impl Topic {
    /// Topics that may come up for anybody of an age.
    pub(super) const fn usual(age: i32) -> &'static [Self] {
        match age {
            ..=1 => &[Self::Growth],
            2..=5 => &[Self::Hearing, Self::Growth],
            6..=15 => &[Self::Wrist, Self::Abdomen, Self::Hearing],
            16..=49 => &[Self::Skin, Self::Wrist, Self::Abdomen, Self::Stomach],
            _ => &[
                Self::Skin,
                Self::Knee,
                Self::Stomach,
                Self::Abdomen,
                Self::Eyes,
            ],
        }
    }

    /// The youngest and the oldest age, in months, of whom its sentences can be true.
    pub(super) const fn months(self) -> (i32, i32) {
        match self {
            Self::Growth => (2, 12),
            Self::Hearing => (24, 120),
            Self::Breathing | Self::Wrist | Self::Abdomen => (60, 1_400),
            Self::Skin => (300, 1_400),
            Self::Heart | Self::Mood | Self::Stomach => (144, 1_400),
            Self::Pregnancy | Self::Diabetes | Self::Knee | Self::Eyes | Self::Memory => {
                (192, 1_400)
            }
        }
    }

    /// Nobody stays in hospital for these.
    pub(super) const fn is_outpatient(self) -> bool {
        matches!(
            self,
            Self::Hearing | Self::Eyes | Self::Memory | Self::Growth | Self::Mood
        )
    }

    /// These begin at the hospital's door: no clinic letter is written about them.
    pub(super) const fn is_acute(self) -> bool {
        matches!(self, Self::Wrist | Self::Abdomen)
    }

    pub(super) const fn text(self) -> &'static Text {
        match self {
            Self::Hearing => &HEARING,
            Self::Breathing => &BREATHING,
            Self::Heart => &HEART,
            Self::Mood => &MOOD,
            Self::Pregnancy => &PREGNANCY,
            Self::Stomach => &STOMACH,
            Self::Diabetes => &DIABETES,
            Self::Knee => &KNEE,
            Self::Eyes => &EYES,
            Self::Memory => &MEMORY,
            Self::Skin => &SKIN,
            Self::Wrist => &WRIST,
            Self::Abdomen => &ABDOMEN,
            Self::Growth => &GROWTH,
        }
    }
}

static HEARING: Text = Text {
    department: "Ear, Nose and Throat",
    concern: "Repeated ear infections and hearing",
    history: &[
        "{name} has had four ear infections over the last winter, each treated with a course of antibiotics.",
        "The family has noticed that the television is turned up and that {name} does not always answer when called.",
        "There has been no discharge from the ears for two months. Speech is coming along well.",
        "Talking face to face with {name} helps.",
    ],
    examination: &[
        "Both ear drums are dull, with fluid behind the left one. There is no perforation.",
        "Tympanometry shows a flat trace on the left and a normal trace on the right.",
        "Hearing in the better ear is at 25 dB, which is at the edge of normal.",
    ],
    advice: &[
        "We suggest waiting for three months, since fluid often clears by itself.",
        "Please repeat the hearing test in three months.",
        "If the fluid is still there we would offer grommets, and have given the family a leaflet about them.",
        "Keep the ears dry after swimming and keep the home smoke free.",
    ],
    stay_reason: "",
    stay: &[],
    afterwards: &[],
    tag: None,
};

static BREATHING: Text = Text {
    department: "Respiratory Medicine",
    concern: "Cough and shortness of breath",
    history: &[
        "{name} has been short of breath on hills for some months and wakes with a cough two nights a week.",
        "The reliever inhaler has been needed most days, and there were two courses of prednisone this year.",
        "There is no chest pain and no weight loss. The cough brings up a little clear phlegm.",
        "The house is damp, and the family has applied for insulation and a heater.",
    ],
    examination: &[
        "Oxygen saturation is 97 % on air. There is a mild wheeze at both bases and no crackles.",
        "Spirometry shows a reduced FEV1 that improves by 14 % after salbutamol.",
        "The chest X-ray is clear and the heart is of normal size.",
    ],
    advice: &[
        "Start a preventer inhaler, two puffs morning and night through a spacer, and rinse the mouth afterwards.",
        "We went over inhaler technique and agreed on a written action plan.",
        "Please give the influenza vaccine each autumn.",
        "Refer back if more than one course of prednisone is needed in the next six months.",
    ],
    stay_reason: "Worsening wheeze",
    stay: &[
        "{name} came in with two days of worsening wheeze and could not finish a sentence.",
        "Nebulised salbutamol and oral prednisone were given, and oxygen was needed for one night only.",
        "By the second morning the peak flow was back to 80 % of the usual best.",
        "The chest X-ray showed no pneumonia.",
    ],
    afterwards: &[
        "Please review within a week and check the inhaler technique.",
        "Prednisone 40 mg a day until the course of five days is finished.",
    ],
    tag: None,
};

static HEART: Text = Text {
    department: "Cardiology",
    concern: "Palpitations and chest tightness",
    history: &[
        "{name} describes a fluttering in the chest that lasts a few minutes and comes about once a week.",
        "There is some tightness on steep hills that settles within minutes of rest. It has not changed over six months.",
        "There has been no fainting and no swelling of the ankles.",
        "Two close relatives had heart trouble before the age of sixty.",
    ],
    examination: &[
        "The pulse is 76 and irregular. The heart sounds are normal and there is no murmur.",
        "The ECG shows no sign of an earlier heart attack.",
        "The echocardiogram shows good pumping of both sides of the heart and mildly thickened walls.",
    ],
    advice: &[
        "Continue the present tablets. We have added metoprolol 23.75 mg once a day.",
        "Please check the blood pressure and pulse in four weeks.",
        "A 48-hour heart tracing has been ordered and will be posted.",
        "{name} knows to ring 111 for chest pain that lasts longer than fifteen minutes.",
    ],
    stay_reason: "Chest tightness",
    stay: &[
        "{name} came by ambulance with an hour of chest tightness that began while gardening.",
        "Troponin was normal twice, six hours apart, and the ECG did not change.",
        "There was no further pain on the ward, and a walk on the treadmill brought on none.",
        "The rhythm was watched for two days and stayed under 90 beats a minute.",
    ],
    afterwards: &[
        "Please check the blood pressure in two weeks.",
        "An exercise test as an outpatient has been booked.",
    ],
    tag: None,
};

static MOOD: Text = Text {
    department: "Community Mental Health",
    concern: "Low mood",
    history: &[
        "{name} has felt low since the winter, sleeps badly and has stopped going to netball.",
        "There are no thoughts of self-harm. {name} has good support from whānau and a close friend.",
        "Work has been understanding and has agreed to fewer hours for the time being.",
    ],
    examination: &[
        "We talked for an hour. {name} was open, and smiled when speaking of the children.",
        "The PHQ-9 score today is 13, which is six points lower than in May.",
    ],
    advice: &[
        "Continue sertraline 50 mg for at least another six months.",
        "We have booked six sessions with our psychologist, the first one in two weeks.",
        "{name} has our number and the 1737 line, and knows how to reach us at night.",
        "Please see {name} monthly and let us know if sleep worsens again.",
    ],
    stay_reason: "",
    stay: &[],
    afterwards: &[],
    tag: Some(Sensitivity::Mental),
};

static PREGNANCY: Text = Text {
    department: "Maternity",
    concern: "Antenatal care",
    history: &[
        "{name} is well in this pregnancy. The early sickness has passed.",
        "The blood pressure has been at the upper end of normal at the last two visits.",
        "The baby moves well and there has been no bleeding.",
    ],
    examination: &[
        "The growth scan shows a baby on the 40th centile with normal fluid and a normal placenta.",
        "The blood pressure today is 128/78 and there is no protein in the urine.",
    ],
    advice: &[
        "Please repeat the blood pressure every two weeks.",
        "The glucose test was normal and need not be repeated.",
        "{name} plans to give birth at the hospital with her own midwife.",
        "We would like to see {name} again at 34 weeks.",
    ],
    stay_reason: "Labour at term",
    stay: &[
        "{name} gave birth to a healthy baby after a labour of nine hours.",
        "Blood loss was 350 mL and no stitches were needed.",
        "The baby feeds well and has had vitamin K and the newborn checks.",
    ],
    afterwards: &[
        "The midwife visits at home for six weeks.",
        "Please offer the six-week check of mother and baby.",
    ],
    tag: Some(Sensitivity::Pregnancy),
};

static STOMACH: Text = Text {
    department: "Gastroenterology",
    concern: "Heartburn and upper abdominal pain",
    history: &[
        "{name} has had burning pain under the breastbone after meals for about a year.",
        "Tablets from the pharmacy help, but the pain comes back within days of stopping them.",
        "There is no trouble with swallowing, no vomiting and no loss of weight.",
    ],
    examination: &[
        "The abdomen is soft and not tender.",
        "Gastroscopy showed mild inflammation of the lower gullet. The stomach and duodenum were normal.",
        "The test for Helicobacter pylori was negative.",
    ],
    advice: &[
        "Omeprazole 20 mg for eight weeks, then every other day, then stop.",
        "Smaller meals, nothing for three hours before bed, and raising the head of the bed may help.",
        "No further gastroscopy is needed unless new symptoms come up.",
    ],
    stay_reason: "Severe upper abdominal pain",
    stay: &[
        "{name} came in with severe upper abdominal pain after an evening meal.",
        "Ultrasound showed gallstones without signs of infection.",
        "The pain settled overnight with simple pain relief, and {name} ate breakfast the next day.",
    ],
    afterwards: &[
        "An outpatient appointment about taking out the gallbladder will be posted.",
        "Please send {name} back if there is fever or yellowing of the eyes.",
    ],
    tag: None,
};

static DIABETES: Text = Text {
    department: "Diabetes Service",
    concern: "Type 2 diabetes review",
    history: &[
        "{name} has had type 2 diabetes for some years and takes metformin regularly.",
        "Home readings are between 7 and 12 mmol/L before breakfast. There have been no hypos.",
        "{name} walks for half an hour most days and has cut out fizzy drinks.",
    ],
    examination: &[
        "Weight is down by 2.5 kg since the last visit. The blood pressure is 134/80.",
        "Pulses and feeling in both feet are normal.",
        "The eye photographs show mild background changes only, to be repeated in two years.",
    ],
    advice: &[
        "We suggest adding empagliflozin 10 mg in the morning. {name} was told to pause it when unwell.",
        "Please repeat HbA1c and kidney function in three months.",
        "The dietitian will ring in the next two weeks.",
        "The aim for HbA1c is below 53 mmol/mol.",
    ],
    stay_reason: "Infected foot ulcer",
    stay: &[
        "{name} came in with a foot ulcer that had become red and warm.",
        "The X-ray showed no sign that the bone is affected. Antibiotics were given into a vein for three days.",
        "The podiatrist cleaned the ulcer and fitted a shoe that takes weight off it.",
    ],
    afterwards: &[
        "Flucloxacillin 500 mg four times a day for ten days.",
        "Please arrange dressings by the practice nurse three times a week.",
    ],
    tag: None,
};

static KNEE: Text = Text {
    department: "Orthopaedics",
    concern: "Painful knee",
    history: &[
        "The right knee has hurt for two years, now also at night. {name} can walk about 400 metres.",
        "Paracetamol helps a little. Anti-inflammatory tablets upset the stomach.",
        "Stairs are hard, and the garden has had to be given up.",
    ],
    examination: &[
        "The knee bends from 5 to 105 degrees, with pain on the inner side. The ligaments are sound.",
        "X-rays show narrowing of the inner joint space with bony spurs.",
    ],
    advice: &[
        "We talked about physiotherapy, weight and a steroid injection, and about a new knee if these do not help.",
        "{name} would like to try exercises first. The physiotherapist will be in touch.",
        "We will see {name} again in six months, or sooner if sleep is disturbed more.",
    ],
    stay_reason: "Planned knee replacement",
    stay: &[
        "{name} had a planned total knee replacement under spinal anaesthetic, without problems.",
        "The wound is clean and dry. {name} walked with two crutches on the first day.",
        "Blood count after the operation was 112 g/L and no transfusion was needed.",
        "Clips are to be taken out by the practice nurse after fourteen days.",
    ],
    afterwards: &[
        "Enoxaparin injections for ten days; {name} gives them without help.",
        "Physiotherapy begins next week.",
    ],
    tag: None,
};

static EYES: Text = Text {
    department: "Ophthalmology",
    concern: "Blurred vision",
    history: &[
        "{name} finds reading and driving at night harder than a year ago.",
        "There is no pain and no flashing light.",
    ],
    examination: &[
        "Vision is 6/12 in the right eye and 6/18 in the left, better with a pinhole.",
        "There are cataracts in both eyes, more in the left. Pressure and retina are normal.",
    ],
    advice: &[
        "We have put {name} on the waiting list for surgery on the left eye.",
        "{name} may drive by day and has been asked not to drive at night for now.",
        "New glasses should wait until after surgery.",
    ],
    stay_reason: "",
    stay: &[],
    afterwards: &[],
    tag: None,
};

static MEMORY: Text = Text {
    department: "Older People's Health",
    concern: "Memory",
    history: &[
        "The family has noticed over a year that {name} repeats questions and has twice left the stove on.",
        "{name} dresses, cooks simple meals and enjoys choir. Somebody else now pays the bills.",
        "There have been no falls and no change in mood.",
    ],
    examination: &[
        "The score of the cognitive test was 74 of 100, with most points lost in memory.",
        "Blood tests for common causes were normal. The scan shows changes that fit Alzheimer's disease.",
    ],
    advice: &[
        "We have started donepezil 5 mg at night. Please check the pulse in a month.",
        "An enduring power of attorney has been arranged.",
        "{name} should not drive. We have told {name} and the family so.",
        "The memory nurse will visit at home.",
    ],
    stay_reason: "",
    stay: &[],
    afterwards: &[],
    tag: Some(Sensitivity::Mental),
};

static SKIN: Text = Text {
    department: "Dermatology",
    concern: "Changing mole",
    history: &[
        "{name} noticed that a mole on the back has grown over six months. It itches at times and has not bled.",
        "{name} worked outdoors for many years and burned easily as a child.",
    ],
    examination: &[
        "There is a brown mole of 7 mm on the left shoulder blade with an uneven edge. No glands are felt.",
        "The rest of the skin shows sun damage but nothing that worries us.",
    ],
    advice: &[
        "The mole was taken out today under local anaesthetic. We will write with the result within three weeks.",
        "Please take out the stitches in twelve days.",
        "A skin check once a year is enough from now on.",
    ],
    stay_reason: "Skin infection of the leg",
    stay: &[
        "{name} came in with a spreading red leg and a fever after a scratch in the garden.",
        "Antibiotics were given into a vein for two days and then as tablets.",
        "The redness drew back within the marked line and the fever settled.",
    ],
    afterwards: &[
        "Flucloxacillin tablets until the course of seven days is finished.",
        "Please see {name} in five days and make sure the redness is gone.",
    ],
    tag: None,
};

static WRIST: Text = Text {
    department: "Emergency Department",
    concern: "Injured wrist",
    history: &[
        "{name} fell on an outstretched hand at sport. The wrist swelled at once.",
        "It is the hand {name} writes with. There is no numbness.",
    ],
    examination: &[
        "The wrist is swollen and tender over the end of the radius. The fingers are warm and move well.",
        "X-rays show a small break of the distal radius that has not moved.",
    ],
    advice: &[],
    stay_reason: "Broken wrist",
    stay: &[
        "{name} fell from a bicycle and broke the wrist. The bone was set under a short anaesthetic.",
        "The X-ray afterwards shows it in a good position.",
        "{name} stayed one night because of feeling sick after the anaesthetic.",
    ],
    afterwards: &[
        "Please arrange an X-ray at one week to make sure the bone has not moved.",
        "The cast comes off in the fracture clinic after five weeks.",
        "ACC claim forms have been sent.",
    ],
    tag: None,
};

static ABDOMEN: Text = Text {
    department: "General Surgery",
    concern: "Pain in the lower right abdomen",
    history: &[
        "{name} has had pain that moved from the navel to the lower right side since yesterday evening.",
        "{name} has not felt like eating and vomited once. There is no trouble passing water.",
    ],
    examination: &[
        "The temperature is 37.9 °C. The abdomen is tender on the lower right with some guarding.",
        "The urine is clear. The white cell count is 14.2.",
    ],
    advice: &[],
    stay_reason: "Pain in the lower right abdomen",
    stay: &[
        "{name} came in with pain on the lower right side. Ultrasound showed a swollen appendix.",
        "The appendix was taken out by keyhole surgery the same evening, without problems.",
        "{name} ate and walked the next day, and the wounds are dry.",
        "The stitches dissolve by themselves.",
    ],
    afterwards: &[
        "No lifting of more than 5 kg for four weeks.",
        "The laboratory's report on the appendix will follow.",
    ],
    tag: None,
};

static GROWTH: Text = Text {
    department: "Paediatrics",
    concern: "Growth and feeding",
    history: &[
        "{name} was born at term and has been a slow feeder since the first weeks.",
        "Feeds are going well now. {name} is cheerful and smiles at everybody.",
        "Parents and Well Child nurse agree that the last two months have been better.",
    ],
    examination: &[
        "Weight follows the 9th centile, and length and head the 25th. The heart and the abdomen are normal.",
        "Tone and movement are right for the age.",
    ],
    advice: &[
        "No further tests are needed. The growth chart tells us that {name} is small and well.",
        "Please weigh {name} once a month until the first birthday.",
        "We are glad to see {name} again if the line is crossed downwards.",
    ],
    stay_reason: "",
    stay: &[],
    afterwards: &[],
    tag: None,
};

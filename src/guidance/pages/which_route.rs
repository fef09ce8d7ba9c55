//! "Which way fits us": one question a page. Answers travel in the address and are kept nowhere.

use super::{breadcrumb, layout};
use crate::app::App;
use crate::guidance::which_route::{self, Next, Outcome, Question};
use crate::web::components::{Breadcrumb, Radios};
use crate::web::form::query;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, show};
use axum::extract::State as Shared;
use axum::http::Uri;

const PATH: &str = "/support/which-route";
/// Names the question that was on the page, so that no answer can be told from none yet.
const ASKED: &str = "asked";

#[derive(askama::Template)]
#[template(path = "guidance/pages/which_route.html")]
pub struct QuestionPage {
    pub layout: Layout,
    pub form: Form,
    pub field: Radios,
    pub name: &'static str,
    /// What was answered before, to be sent along.
    pub before: Vec<(&'static str, String)>,
    pub is_first: bool,
}

/// Where the helper ends, in words.
struct End {
    title: &'static str,
    words: Vec<String>,
    /// The button: address and words.
    start: Option<(&'static str, &'static str)>,
    /// Further reading: address and words.
    read: (&'static str, &'static str),
}

#[derive(askama::Template)]
#[template(path = "guidance/pages/which_route_end.html")]
pub struct EndPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub words: Vec<String>,
    pub start: Option<(&'static str, &'static str)>,
    pub read: (&'static str, &'static str),
    /// Question, answer, and where to change it.
    pub answers: Vec<(&'static str, &'static str, String)>,
}

fn end(outcome: Outcome, app: &App) -> End {
    let settings = &app.settings;
    let to_helpdesk = format!(
        "Email {} or call {}. We tell you which way is yours.",
        settings.helpdesk_email, settings.helpdesk_telephone
    );
    match outcome {
        Outcome::NotSocialCare => End {
            title: "This service is for social care in England",
            words: vec!["Other organisations in health and care join in other ways.".to_owned(), to_helpdesk],
            start: None,
            read: ("/contact", "Contact support"),
        },
        Outcome::NotCqcRegistered => End {
            title: "You need to be registered with CQC first",
            words: vec![
                "Only sites that are registered with CQC can register here. If CQC does not look after your kind of care, there is another way.".to_owned(),
                to_helpdesk,
            ],
            start: None,
            read: ("/contact", "Contact support"),
        },
        Outcome::Hospice => End {
            title: "You join in another way",
            words: vec![
                "Press the button and then “Start now”. Give the same answers. When you say that you are a hospice, you can send a query to our feedback team.".to_owned(),
                format!("They answer within {} hours.", settings.enquiry_hours),
            ],
            start: Some(("/register", "Go to the start page")),
            read: ("/support/hospices", "Read about hospices"),
        },
        Outcome::HasAccount => End {
            title: "Do not register again",
            words: vec![
                "You would get a second set of accounts. We can open the ones you have.".to_owned(),
                "If a colleague can open the shared mailbox, ask them to write to us from it. If nobody can, we help you to get in.".to_owned(),
            ],
            start: None,
            read: (
                "/support/owners-and-members#if-nobody-can-open-the-mailbox",
                "What to do if nobody can open the mailbox",
            ),
        },
        Outcome::CentralTeam { several } => End {
            title: "The central team looks after your accounts",
            words: vec![
                if several {
                    "This way fits you best. Fill in the form once for each site. You need no IT people.".to_owned()
                } else {
                    "With one site, this is your way. You need no IT people.".to_owned()
                },
                format!(
                    "Have the names of {} to {} people ready. It takes about 15 minutes.",
                    settings.people_min, settings.people_max
                ),
            ],
            start: Some(("/register", "Go to the start page")),
            read: ("/support/before-you-register", "Check-list: what to have ready"),
        },
        Outcome::SelfManagement => End {
            title: "You could look after your accounts yourselves",
            words: vec![
                "Your own people would make accounts, close them and help staff, every day. You apply once, for all your sites.".to_owned(),
                "Press the button and then “Start now”. Say that you have several sites, and that your own IT people will do it.".to_owned(),
                "You can still choose the central team. It does the same work for you.".to_owned(),
            ],
            start: Some(("/register", "Go to the start page")),
            read: ("/support/self-management", "Read what you take on"),
        },
    }
}

/// The address of a question with what was answered before it.
fn address(answers: &Fields, up_to: Question) -> String {
    let mut address = PATH.to_owned();
    let before = which_route::QUESTIONS.into_iter().take_while(|question| *question != up_to);
    for (place, question) in before.filter(|question| !answers.text(question.name()).is_empty()).enumerate() {
        address.push(if place == 0 { '?' } else { '&' });
        address.push_str(question.name());
        address.push('=');
        address.push_str(&crate::web::form::encoded(answers.text(question.name())));
    }
    address
}

/// GET /support/which-route
pub async fn page(Shared(app): Shared<App>, visit: Visit, uri: Uri) -> Answer {
    let answers = query(&uri);
    let answer = |question: Question| answers.text(question.name());
    let asked = which_route::asked(answer);
    let question = match which_route::next(answer) {
        Next::Ask(question) => question,
        Next::End(outcome) => {
            let end = end(outcome, &app);
            let shown = |question: Question| {
                let said = answer(question);
                question
                    .choices()
                    .into_iter()
                    .find(|(value, _)| *value == said)
                    .map_or("", |(_, words)| words)
            };
            let template = EndPage {
                layout: layout(&visit, end.title),
                breadcrumb: breadcrumb(&[]),
                words: end.words,
                start: end.start,
                read: end.read,
                answers: asked
                    .into_iter()
                    .map(|question| (question.words(), shown(question), address(&answers, question)))
                    .collect(),
            };
            return show(&template, &Problems::none());
        }
    };
    let problems = if answers.text(ASKED) == question.name() {
        Problems::one(question.name(), question.missing())
    } else {
        Problems::none()
    };
    let form = visit.form(Fields::default(), problems.clone());
    let mut field = form.radios(question.name(), question.words()).hinted(question.hint());
    for (value, words) in question.choices() {
        field = field.choice(value, words);
    }
    let back = asked.last().map_or_else(|| "/support".to_owned(), |last| address(&answers, *last));
    let template = QuestionPage {
        layout: layout(&visit, question.words()).back_to(back).with_problems(&form),
        form,
        field,
        name: question.name(),
        is_first: asked.is_empty(),
        before: asked.into_iter().map(|question| (question.name(), answer(question).to_owned())).collect(),
    };
    show(&template, &problems)
}

//! The table of figures, and the questions that went worst.

use std::collections::HashSet;

use server_tests::questions::corpus::Corpus;
use server_tests::questions::file::{KINDS, Question};
use server_tests::questions::metrics::{K, ndcg, reversed};

use crate::ask::{Answer, Mode, Truth};

/// Sums over the questions of one line.
#[derive(Default)]
struct Line {
    questions: usize,
    ndcg: f64,
    new: usize,
    ndcg_new: f64,
    hits: usize,
    reversed: usize,
    lists_reversed: usize,
    notices: usize,
}

impl Line {
    fn add(&mut self, question: &Question, truth: &Truth, answer: &Answer) {
        let score = ndcg(&answer.hits, &truth.want);
        self.questions += 1;
        self.ndcg += score;
        if !question.seen {
            self.new += 1;
            self.ndcg_new += score;
        }
        if question.reverse.is_some() {
            let counted = counted(truth, answer);
            let wrong = reversed(counted, &truth.reverse);
            self.hits += counted.len();
            self.reversed += wrong;
            self.lists_reversed += usize::from(wrong > 0);
        }
        self.notices += usize::from(!answer.notices.is_empty());
    }

    fn print(&self, name: &str) {
        let mean = |sum: f64, n: usize| if n == 0 { "-".to_owned() } else { format!("{:.3}", sum / n as f64) };
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            self.questions,
            mean(self.ndcg, self.questions),
            mean(self.ndcg_new, self.new),
            mean(self.reversed as f64, self.hits),
            self.lists_reversed,
            self.notices
        );
    }
}

/// The hits among which none should mean the reverse: no more than there are answers.
fn counted<'a>(truth: &Truth, answer: &'a Answer) -> &'a [usize] {
    &answer.hits[..answer.hits.len().min(K).min(truth.want.len())]
}

pub fn print(mode: Mode, corpus: &Corpus, questions: &[Question], truths: &[Truth], answers: &[Answer], worst: usize) {
    let mut took: Vec<_> = answers.iter().map(|answer| answer.took).collect();
    took.sort();
    println!("\n## {mode}: {:.1?} in the median\n", took[took.len() / 2]);
    println!("| questions | n | nDCG@10 | of new products | reversed hits | lists with one | with a notice |");
    println!("|---|---|---|---|---|---|---|");
    let line = |chosen: &dyn Fn(&Question) -> bool| {
        let mut line = Line::default();
        for ((question, truth), answer) in questions.iter().zip(truths).zip(answers).filter(|((q, _), _)| chosen(q)) {
            line.add(question, truth, answer);
        }
        line
    };
    for kind in KINDS {
        let mut seen = HashSet::new();
        let parts: Vec<&str> =
            questions.iter().filter(|q| q.kind == kind).map(|q| q.part.as_str()).filter(|p| seen.insert(*p)).collect();
        line(&|q: &Question| q.kind == kind).print(&format!("**{kind}**"));
        for part in parts.iter().filter(|_| parts.len() > 1) {
            line(&|q: &Question| q.kind == kind && q.part == *part).print(part);
        }
    }
    line(&|_: &Question| true).print("**all**");
    print_worst(corpus, questions, truths, answers, worst);
}

/// The questions with the most reversed hits and the least nDCG@10, with their hits: `+` right, `-` reversed.
fn print_worst(corpus: &Corpus, questions: &[Question], truths: &[Truth], answers: &[Answer], worst: usize) {
    let score = |i: usize| {
        let wrong = reversed(counted(&truths[i], &answers[i]), &truths[i].reverse) as f64 / K as f64;
        ndcg(&answers[i].hits, &truths[i].want) - wrong
    };
    let mut order: Vec<usize> = (0..questions.len()).collect();
    order.sort_by(|a, b| score(*a).total_cmp(&score(*b)));
    for i in order.into_iter().take(worst) {
        let (question, truth, answer) = (&questions[i], &truths[i], &answers[i]);
        println!(
            "\n{} \"{}\": {:.3}, {} answers",
            question.id,
            question.text,
            ndcg(&answer.hits, &truth.want),
            truth.want.len()
        );
        for hit in &answer.hits {
            let mark = match (truth.want.contains(hit), truth.reverse.contains(hit)) {
                (true, _) => '+',
                (_, true) => '-',
                _ => ' ',
            };
            let row = &corpus.rows[*hit];
            println!("  {mark} {} | {} | {}", row.name, row.type_name, row.ingredients.join("/"));
        }
        answer.notices.iter().for_each(|notice| println!("  {notice}"));
    }
}

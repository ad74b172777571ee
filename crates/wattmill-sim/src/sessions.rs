//! Traffic of conversations.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use wattmill_factory::{Arrivals, Sessions};
use wattmill_policy::Segment;
use wattmill_units::{AnswerHash, Seconds, SimTime, Stream, scramble};

use crate::rates::{Clock, Gaps, Rates};
use crate::{Ask, Finished, Request};

/// Sessions as they begin, whoever says when their turns are answered: the first turn of each, and of
/// a turn that was answered the next one.
///
/// A session draws from a stream of its own. Its turns, lengths and pauses are the same whether the
/// answers are fast or slow and however many other sessions there are; only the times differ. The
/// id of turn `t` of session `s` is `s·65536 + t`, see [`session_of`].
///
/// This is the closed loop, where people wait for their answers; [`OpenSessions`] is the stream of
/// those who would not notice that an answer was late.
///
/// ```
/// use wattmill_factory::{Arrivals, LengthTable, Pause, Sessions, SystemPrompts};
/// use wattmill_sim::{ClosedSessions, Finished, Rates};
/// use wattmill_units::Seconds;
/// let fixed = LengthTable::fixed;
/// let sessions = Sessions {
///     name: "chat".to_owned(),
///     system: SystemPrompts { count: 1, popularity: 1.0, tokens: fixed(400) },
///     turns: fixed(3),
///     opening: fixed(60),
///     follow_up: fixed(20),
///     answer: fixed(100),
///     pause: Pause { mean: Seconds::from_s(30.0), cv: 0.0 },
///     context: 8192,
/// };
/// let mut traffic = ClosedSessions::new(7, Rates::constant(1.0), Arrivals::Poisson, &sessions);
/// let first = traffic.start().unwrap();
/// assert_eq!(first.request.input, 400 + 60);
/// let answered = Finished {
///     request: first.request,
///     first_token: first.request.arrival,
///     finish: first.request.arrival,
///     preemptions: 0,
/// };
/// let second = traffic.next(&answered).unwrap();
/// // All of the first turn, its answer, and a new question.
/// assert_eq!(second.request.input, 460 + 100 + 20);
/// assert_eq!(second.prompt[..2], first.prompt[..]);
/// assert_eq!(Some(second.prompt[2].content), first.answer);
/// assert_eq!(second.request.arrival.since(first.request.arrival).as_ns(), 30_000_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct ClosedSessions<'a> {
    starts: Starts<'a>,
    /// By the id of the turn that is not answered yet.
    waiting: BTreeMap<u64, Session>,
}

impl<'a> ClosedSessions<'a> {
    /// Sessions of world `seed` that begin at `rates`.
    pub fn new(seed: u64, rates: Rates, arrivals: Arrivals, sessions: &'a Sessions) -> Self {
        let starts = Starts::new(seed, rates, arrivals, sessions);
        Self { starts, waiting: BTreeMap::new() }
    }

    /// The first turn of the next session to begin; `None` when no more begin.
    pub fn start(&mut self) -> Option<Ask> {
        let mut session = self.starts.next()?;
        let ask = session.first(self.starts.sessions);
        self.waiting.insert(ask.request.id, session);
        Some(ask)
    }

    /// The turn that follows an answer, after a pause; `None` if that was the last.
    pub fn next(&mut self, done: &Finished) -> Option<Ask> {
        let mut session = self.waiting.remove(&done.request.id)?;
        let ask = session.following(self.starts.sessions, done.finish)?;
        self.waiting.insert(ask.request.id, session);
        Some(ask)
    }

    /// Ends the session of a turn that will never be answered.
    pub fn give_up(&mut self, request: &Request) {
        self.waiting.remove(&request.id);
    }

    /// Sessions that wait for an answer.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// How long an answer is expected to take, where nothing reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerTime {
    /// To the first token.
    pub first: Seconds,
    /// For each token after it.
    pub per_token: Seconds,
}

/// Turns of sessions in order of (arrival, id), each as long after the one before as an answer is
/// expected to take and the pause lasts. Memory is that of the sessions under way.
#[derive(Clone, Debug)]
pub struct OpenSessions<'a> {
    starts: Starts<'a>,
    expected: AnswerTime,
    /// The session that begins next.
    opening: Option<Session>,
    /// Turns of sessions under way.
    due: BinaryHeap<Reverse<Due>>,
}

impl<'a> OpenSessions<'a> {
    /// Sessions of world `seed` that begin at `rates`, whose answers take as long as `expected`.
    pub fn new(
        seed: u64,
        rates: Rates,
        arrivals: Arrivals,
        sessions: &'a Sessions,
        expected: AnswerTime,
    ) -> Self {
        let mut starts = Starts::new(seed, rates, arrivals, sessions);
        let opening = starts.next();
        Self { starts, expected, opening, due: BinaryHeap::new() }
    }

    /// Sessions under way.
    pub fn under_way(&self) -> usize {
        self.due.len()
    }
}

impl Iterator for OpenSessions<'_> {
    type Item = Ask;

    fn next(&mut self) -> Option<Ask> {
        let sessions = self.starts.sessions;
        let due = self.due.peek().map(|Reverse(due)| due.key());
        let begins = self.opening.as_ref().map(|session| (session.begin, session.id(0)));
        let begins_first = begins.is_some_and(|begin| due.is_none_or(|due| begin < due));
        let (ask, mut session) = if begins_first {
            let mut session = std::mem::replace(&mut self.opening, self.starts.next())?;
            (session.first(sessions), session)
        } else {
            let Reverse(due) = self.due.pop()?;
            (due.ask, due.session)
        };
        let rest = f64::from(ask.request.output - 1);
        let answer = self.expected.first + self.expected.per_token * rest;
        let finish = ask.request.arrival + SimTime::from_seconds(answer);
        if let Some(ask) = session.following(sessions, finish) {
            self.due.push(Reverse(Due { ask, session }));
        }
        Some(ask)
    }
}

/// The session a request of sessions belongs to.
pub const fn session_of(id: u64) -> u64 {
    id / Sessions::MOST_TURNS as u64
}

/// A turn that is to come.
#[derive(Clone, Debug)]
struct Due {
    ask: Ask,
    session: Session,
}

impl Due {
    const fn key(&self) -> (SimTime, u64) {
        (self.ask.request.arrival, self.ask.request.id)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// When sessions begin, and with what.
#[derive(Clone, Debug)]
struct Starts<'a> {
    seed: u64,
    sessions: &'a Sessions,
    clock: Clock,
    gaps: Gaps,
    /// System prompts, each with the sum of its popularity and that of those before it.
    system: Vec<(f64, Segment)>,
    /// Tells the texts of these sessions from those of others.
    name: u64,
    next: u64,
}

impl<'a> Starts<'a> {
    fn new(seed: u64, rates: Rates, arrivals: Arrivals, sessions: &'a Sessions) -> Self {
        let mut name = AnswerHash::new();
        name.add_text(&sessions.name);
        let name = name.finish();
        let mut sum = 0.0;
        let system = (0..sessions.system.count.max(1)).map(|i| {
            sum += libm::pow(f64::from(i) + 1.0, -sessions.system.popularity);
            let mut stream = Stream::new(seed, "system prompts", u64::from(i));
            let tokens = sessions.system.tokens.draw(&mut stream);
            (sum, Segment::following(0, name ^ scramble(u64::from(i)), tokens))
        });
        Self {
            seed,
            sessions,
            system: system.collect(),
            clock: Clock::new(rates),
            gaps: Gaps::new(Stream::new(seed, "session starts", 0), arrivals),
            name,
            next: 0,
        }
    }

    fn next(&mut self) -> Option<Session> {
        let begin = self.clock.pass(self.gaps.draw())?;
        let number = self.next;
        self.next += 1;
        let mut stream = Stream::new(self.seed, "session", number);
        let total = self.system.last().map_or(0.0, |last| last.0);
        let drawn = stream.uniform() * total;
        let chosen = self.system.partition_point(|(sum, _)| *sum <= drawn);
        let system = self.system[chosen.min(self.system.len() - 1)].1;
        let turns = self.sessions.turns.draw(&mut stream).min(Sessions::MOST_TURNS);
        let text = self.name ^ scramble(scramble(number));
        let tokens = system.tokens;
        Some(Session { number, begin, stream, turns, turn: 0, text, prompt: vec![system], tokens })
    }
}

/// A session under way.
#[derive(Clone, Debug)]
struct Session {
    number: u64,
    begin: SimTime,
    stream: Stream,
    turns: u32,
    /// The turn that comes next.
    turn: u32,
    /// Tells its texts from those of others.
    text: u64,
    /// All there is to say so far, and its tokens.
    prompt: Vec<Segment>,
    tokens: u32,
}

impl Session {
    const fn id(&self, turn: u32) -> u64 {
        self.number * Sessions::MOST_TURNS as u64 + turn as u64
    }

    fn first(&mut self, sessions: &Sessions) -> Ask {
        let opening = sessions.opening.draw(&mut self.stream);
        let answer = sessions.answer.draw(&mut self.stream);
        self.ask(self.begin, opening, answer)
    }

    /// The next turn, after an answer that ended at `finish`.
    fn following(&mut self, sessions: &Sessions, finish: SimTime) -> Option<Ask> {
        if self.turn >= self.turns {
            return None;
        }
        let text = sessions.follow_up.draw(&mut self.stream);
        let answer = sessions.answer.draw(&mut self.stream);
        let cv = sessions.pause.cv;
        let pause = if cv > 0.0 { self.stream.gamma(1.0 / (cv * cv)) } else { 1.0 };
        let all = u64::from(self.tokens) + u64::from(text) + u64::from(answer);
        let arrival = finish + SimTime::from_seconds(sessions.pause.mean * pause);
        (all <= u64::from(sessions.context)).then(|| self.ask(arrival, text, answer))
    }

    /// The turn that says `text` new tokens and is answered with `answer`.
    fn ask(&mut self, arrival: SimTime, text: u32, answer: u32) -> Ask {
        let before = self.prompt.last().map_or(0, |segment| segment.content);
        let said = Segment::following(before, self.text ^ u64::from(2 * self.turn), text);
        self.prompt.push(said);
        let input = self.tokens + text;
        let id = self.id(self.turn);
        let prompt = self.prompt.clone();
        let answered =
            Segment::following(said.content, self.text ^ u64::from(2 * self.turn + 1), answer);
        self.prompt.push(answered);
        self.tokens = input + answer;
        self.turn += 1;
        let goes_on = self.turn < self.turns;
        Ask {
            request: Request { id, arrival, input, output: answer },
            service: 0,
            prompt,
            answer: goes_on.then_some(answered.content),
        }
    }
}

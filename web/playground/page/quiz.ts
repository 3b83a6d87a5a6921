// Quiz: a run that fails, a question, and what the diagnosis says.
import { byId, element } from "./dom.ts";

interface Question {
  title: string;
  query: string;
  until: number; // networks tried
  answers: string[];
  right: number;
  why: string;
}

/** One for each way in which a search fails. */
export const QUESTIONS: Question[] = [
  {
    title: "The chapter's first approach on the spiral, 20,000 guesses. Why does it get nowhere?",
    query: "?data=spiral&samples=300&noise=0.2&hidden=64&activation=relu&strategy=random_search&seed=0&speed=full",
    until: 20_000,
    answers: ["Each guess forgets all others", "The network is too small", "The data are too noisy"],
    right: 0,
    why: "A guess uses nothing of what was found before. Of 387 weights drawn at random, hardly ever are many of them good at once: after 20,000 guesses, the loss is where it began.",
  },
  {
    title: "Hill climbing with steps of 0.0005. It never gets worse. Why is it so slow?",
    query: "?data=vertical&samples=300&noise=0.1&hidden=16&activation=relu&strategy=hill_climbing&sigma=0.0005&seed=0&speed=full",
    until: 4_000,
    answers: ["The loss is flat here", "Every step is right, but tiny", "It is stuck in a local minimum"],
    right: 1,
    why: "About half of the steps are kept: that many only succeed where steps are far too small to meet anything. The 1/5 success rule makes a step larger when more than one in five succeeds.",
  },
  {
    title: "OpenAI-ES again, but no hidden layer, on the circles. What is missing?",
    query: "?data=circles&samples=300&noise=0.1&hidden=none&activation=relu&strategy=openai_es&seed=0&speed=full",
    until: 30_000,
    answers: ["More time", "Another seed", "A hidden layer"],
    right: 2,
    why: "Without a hidden layer the border between two classes is a straight line, and no straight line goes around a circle. No search finds what the network cannot express.",
  },
  {
    title: "Adam, with neurons that say −1 or 1. Its hidden layer does not move at all. Why?",
    query: "?data=circles&samples=300&noise=0.1&hidden=16&activation=sign&strategy=adam&seed=0&speed=full",
    until: 3_000,
    answers: ["The slope is zero everywhere", "The learning rate is too small", "It has found the best network"],
    right: 0,
    why: "The sign of a number does not change when the number changes a little: its derivative is zero. Backpropagation multiplies by it, so nothing arrives at the hidden weights. A search only compares losses and needs no derivative.",
  },
  {
    title: "Hill climbing with steps of 1. After the first lucky ones, nothing is accepted. Why?",
    query: "?data=spiral&samples=300&noise=0.2&hidden=64&activation=relu&strategy=hill_climbing&sigma=1&seed=0&speed=full",
    until: 20_000,
    answers: ["The network is too small", "Steps jump over everything that is good", "The loss is flat here"],
    right: 1,
    why: "A step that is as large as the weights themselves is a new guess, not a change. A smaller step, or one that adapts, finds its way down from here.",
  },
];

export class Quiz {
  private where = byId("quiz");

  /** `open` shows a run; `asking` hears whether a question waits for an answer. */
  constructor(
    private open: (query: string, until: number) => void,
    private asking: (open: boolean) => void,
  ) {
    byId("quiz-start").addEventListener("click", () => this.ask(0));
  }

  end(): void {
    this.where.hidden = true;
    this.where.replaceChildren();
    this.asking(false);
  }

  private ask(index: number): void {
    const question = QUESTIONS[index];
    this.open(question.query, question.until);
    this.asking(true);
    this.where.hidden = false;
    const verdict = element("p", { className: "why" });
    verdict.setAttribute("role", "status");
    const next = element("button", { type: "button", hidden: true },
      index + 1 < QUESTIONS.length ? "Next question" : "End the quiz");
    next.addEventListener("click", () => (index + 1 < QUESTIONS.length ? this.ask(index + 1) : this.end()));
    const answers = question.answers.map((text, number) => {
      const button = element("button", { type: "button" }, text);
      button.addEventListener("click", () => {
        const right = number === question.right;
        answers.forEach((one, i) => one.classList.toggle("right", i === question.right));
        button.classList.toggle("wrong", !right);
        verdict.textContent = `${right ? "Yes." : `Not quite: ${lower(question.answers[question.right])}.`} ${question.why}`;
        next.hidden = false;
        this.asking(false);
      });
      return button;
    });
    const heading = element("h2", { className: "question", tabIndex: -1 },
      `${index + 1} of ${QUESTIONS.length}. ${question.title}`);
    this.where.replaceChildren(heading, element("p", { className: "row" }, ...answers), verdict, next);
    heading.focus({ preventScroll: true });
  }
}

const lower = (text: string) => text[0].toLowerCase() + text.slice(1);

// What the tests of the page look at.
export { Search } from "../engine/search.ts";
export { PlainEvaluator } from "../engine/evaluator.ts";
export { defaults, read, standard, write } from "../page/address.ts";
export { STRATEGIES } from "../page/catalogue.ts";
export { Record } from "../page/chart.ts";
export { settingsOf, shapeOf } from "../page/choices.ts";
export { crossEntropy, outputs } from "../page/network.ts";
export { QUESTIONS } from "../page/quiz.ts";
export { STORY } from "../page/story.ts";

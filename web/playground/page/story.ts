// The story in seven steps: a title, two or three sentences, and an address with the state set.

export interface Step {
  title: string;
  text: string[];
  query: string;
}

/** For who has read chapter 6 of "Neural Networks from Scratch", and nothing else. */
export const STORY: Step[] = [
  {
    title: "Guess",
    text: [
      "Chapter 6 begins like this: draw all weights at random, keep them if the loss is lower, and do it again. Watch the small pictures: each is a whole new network, and none knows anything of the one before.",
      "After ten thousand guesses the loss has hardly moved from 1.1, which is what a network without any idea has for three classes.",
    ],
    query: "?data=vertical&samples=300&noise=0.1&hidden=3&activation=relu&strategy=random_search&sigma=0.05&seed=0&speed=30",
  },
  {
    title: "Guess near the best",
    text: [
      "The chapter's second approach changes the best weights a little instead of drawing new ones. If the loss falls, the change is kept; if not, it is taken back.",
      "That one idea turns guessing into a walk downhill. On these three clouds, a thousand steps are enough.",
    ],
    query: "?data=vertical&samples=300&noise=0.1&hidden=3&activation=relu&strategy=hill_climbing&sigma=0.05&seed=0&speed=200",
  },
  {
    title: "Why it stalls",
    text: [
      "The same walk on the spiral, with 64 neurons. It begins well and then crawls: the pauses between two lines of the log become longer and longer.",
      "A random change moves all 387 weights at once. Some get better by it and some worse, and the nearer it comes to a good network, the rarer is a change that is right on the whole.",
    ],
    query: "?data=spiral&samples=300&noise=0.2&hidden=64&activation=relu&strategy=hill_climbing&sigma=0.05&seed=0&speed=full",
  },
  {
    title: "A crowd",
    text: [
      "Keep many networks instead of one. In each generation the best few have children: two parents mixed, with small changes. Those with a strong frame may have children next.",
      "A crowd does not get stuck in one place as easily. But each child still jumps at random, and what the losers have found out is thrown away.",
    ],
    query: "?data=spiral&samples=300&noise=0.2&hidden=64&activation=relu&strategy=genetic_algorithm&seed=0&speed=full",
  },
  {
    title: "The average of a crowd is a slope",
    text: [
      "Now nothing is thrown away. Candidates are spread around a center, and the center moves to the better ones and away from the worse ones, each counting by its rank.",
      "That average points downhill, as a gradient does, without any derivative. Look at the map of weight space: the center walks to where it is lighter, and the spiral opens while you watch.",
    ],
    query: "?data=spiral&samples=300&noise=0.2&hidden=64&activation=relu&strategy=openai_es&population=64&sigma=0.2&learning_rate=0.1&seed=0&speed=full",
  },
  {
    title: "Steps and coins",
    text: [
      "Here every neuron only says −1 or 1. A small change of a weight changes nothing until a neuron flips like a coin, so the slope is zero almost everywhere.",
      "Adam, which follows the slope given by backpropagation, stands still in its hidden layer. The search only needs losses to compare: it does not even notice.",
    ],
    query: "?data=circles&samples=300&noise=0.1&hidden=32&activation=sign&strategy=openai_es&seed=0&rival-strategy=adam&speed=30",
  },
  {
    title: "Your data",
    text: [
      "Draw points of your own, or drop a table of two columns of numbers and a class anywhere on the page. Change the network and the search, and see what it takes.",
      "The address of this page always holds what you see: copy it to show somebody the same run. Below, you can take it to the command line and to Python.",
    ],
    query: "?data=drawn&hidden=16&activation=tanh&strategy=openai_es&seed=0&speed=30#points=-0.6,0.5,0;-0.5,0.3,0;-0.75,0.35,0;-0.4,0.55,0;-0.55,0.7,0;0.5,-0.4,0;0.6,-0.6,0;0.35,-0.5,0;0.7,-0.45,0;0.5,-0.7,0;0.5,0.5,1;0.6,0.3,1;0.4,0.6,1;0.7,0.55,1;0.45,0.35,1;-0.5,-0.5,1;-0.6,-0.35,1;-0.4,-0.6,1;-0.7,-0.55,1;-0.45,-0.4,1;0,0.05,2;0.08,-0.06,2;-0.08,-0.02,2;0.02,0.14,2;-0.02,-0.12,2",
  },
];

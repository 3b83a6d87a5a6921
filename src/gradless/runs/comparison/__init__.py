"""Which strategy is better here? The same runs for each, and what they reached at equal budgets.

``entrants``
    what is compared: strategies, and variants of them
``tasks``
    what it is compared on: a recipe, or any problem
``arrays``
    arrays, which are divided as a table is
``contest``
    trains every entrant under every seed
``one_run``
    one of them: a session, followed and judged
``outcomes``
    what one run leaves: how its best loss fell
``summary``
    what the runs say: quartiles, successes, differences over the same seeds
``files``
    a comparison in a folder
"""

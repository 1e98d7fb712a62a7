"""The fault run: writebacks asked for while everything around them fails, then held against the
simulated PMS's own books. `make chaos` runs it; docs/operations.md tells how to read it.

    asks      what is asked for, and what each ask has to leave in the books
    plan      which asks a run makes: seeded
    reading   what a caller knows of a clinic before
    faults    what goes wrong and when: seeded
    load      the callers, who repeat a request with its key until they have an answer
    inside    what only the product itself can tell: its writebacks, budgets and calls
    verdict   the comparison of asks, writebacks and books
    calls     the comparison of budgets and the calls that arrived
    run       one run from start to end
    summary   what it prints
"""

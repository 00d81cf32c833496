"""Break our peers and anybody's.

* `strategies`: Hypothesis strategies for everything on the wire (the extra `fuzz`; nothing else
  here needs it).
* `mutate`: damage to messages and lines, by name, from a seed.
* `machines`: play a hostile peer without I/O and keep the books on the other; `drive` connects one
  to two descriptors.
* `judge` and `ledger`: what a line is shaped like, and which answers are owed.
* `cases`: the corpus, with what each case is for and how it is answered.
* `python -m barewire.fuzz.soak`: a million lines for each side; `make soak`.
"""

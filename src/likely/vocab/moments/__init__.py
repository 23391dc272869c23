"""What touches the vocabulary: a short closed list of accumulators, and the moments read off them.

With x = z − shift, where shift is the largest logit so far:

| moment | what it is | accumulator |
|---|---|---|
| `shift` | the largest logit (a constant: no gradient) | the scan itself |
| `log_sum` | log Σ eˣ | `Tilted` |
| `first`, `second` | E_p[x], E_p[x²] | `Tilted` |
| `log_sum_2` | log Σ e²ˣ | `Tilted` |
| `target` | x of the target | `Pick` |
| `pick(ids)` | x of chosen ids, `[N, C]` | `Pick` |
| `expect(u)` | E_p[u], u `[V, R]` | `Tilted` |
| `top(k)` | ids and x of the k largest | `Top` |
| `above` | how many words beat the target | `Above`, in a second sweep |
"""

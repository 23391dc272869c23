"""What touches the vocabulary: a short closed list of accumulators, and the moments read off them.

With x = z − shift, where shift is the largest logit so far:

| moment | what it is | accumulator |
|---|---|---|
| `shift`, `other_shift` | the largest logit, of the model, a second reader | the scan |
| `log_sum` | log Σ eˣ | `Tilted` |
| `first`, `second` | E_p[x], E_p[x²] | `Tilted` |
| `log_sum_2`, `tilted(τ)` | log Σ e^{τx} | `Tilted` |
| `of_role(…)` | the same of a second reader, and each about the other | `Tilted` |
| `expect(u)` | Σ eˣ x^k u, u `[V, K]` | `Columns` |
| `low_rank(a, b)` | Σ eˣ a·b, a `[N, R]`, b `[V, R]` | `LowRank` |
| `below` | Σ eˣ over ids smaller than the target's | `Below` |
| `plain_sum`, `plain_square_sum` | Σ z, Σ z² | `Plain` |
| `rest`, `rest_of(ids)`, `within(mask)` | log Σ eˣ over a part | `Rest` |
| `mixture(a, b)` | log Σ e^{ax + bx̃} | `Mixture` |
| `target`, `pick(ids)` | x of the target, of chosen ids | `Pick` |
| `largest`, `likeliest`, `best_wrong`, `top(k)` | the largest x and their ids | `Top` |
| `gumbel(rows)` | the word that wins with noise | `Gumbel` |
| `above`, `above_mass` | words that beat the target, and their probability | `Above`, `MassAbove` |
| `expect_within(mask, u)` | E_p[u] within a part | `SubsetColumns` |
| `column_sums(weight)` | Σ_n w p, one number a word | `ColumnSums` |
| `between(f)`, `top_between(k)` | sums over two readers | `Between`, `TopBetween` |
| `row(f)` | any function of a row | `Row` |

From `above` on, a block must hold whole rows.
"""

"""Tables of runs: what is read under which name, in which unit, and what is said about the rest."""

import gzip
import json
import math
import struct

import numpy as np
import polars
import pytest

from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.forecast._expressions import chosen, evaluate
from likely.forecast.checkpoints import final, last_checkpoints, thinned
from likely.forecast.logged import logged_schedule, with_schedules
from likely.forecast.read_table import parse_map, read_table
from likely.forecast.table import Table

USUAL = ("params", "tokens", "loss")


@pytest.fixture
def table_of(tmp_path):
    """A table from the text of a file."""

    def read(text, name="runs.csv", **settings):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, **({"needs": USUAL} | settings))

    return read


def said(table):
    return "\n".join(table.notes)


def problem(read, *given, **settings):
    with pytest.raises(BadInput) as caught:
        read(*given, **settings)
    return str(caught.value)


class TestNames:
    @pytest.mark.parametrize(
        "header",
        [
            "params,tokens,loss",
            "N,D,L",
            "n_params,num_tokens,val_loss",
            "Model Size,Training Tokens,Validation Loss",
            "config.numParams,train/tokens_seen,eval/loss",
            "num_params,token_num,summary.test_loss",
            "# params,#tokens,loss (nats)",
        ],
    )
    def test_usual_names_are_found(self, table_of, header):
        table = table_of(f"{header}\n1e8,2e9,3.5\n")
        assert [table[name].tolist() for name in USUAL] == [[1e8], [2e9], [3.5]]
        assert table["flops"].tolist() == [6 * 1e8 * 2e9]
        assert header.split(",")[1] in said(table) or header.startswith("params")

    @pytest.mark.parametrize(
        ("header", "params"),
        [("N (M)", 125e6), ("params_m", 125e6), ("params [B]", 125e9), ("N_millions", 125e6)],
    )
    def test_a_unit_in_the_name_is_used_and_said(self, table_of, header, params):
        table = table_of(f"{header},tokens,loss\n125,2e9,3.5\n")
        assert table["params"].tolist() == [params]
        assert repr(header) in said(table)

    def test_two_candidates_are_never_chosen_between(self, table_of):
        text = "params,tokens,train/loss,eval/loss\n1e8,1e9,3.5,3.6\n"
        message = problem(table_of, text)
        assert message == (
            "2 columns could be loss: 'train/loss', 'eval/loss'. Say which: --map "
            '"loss=train/loss" (in Python, columns={"loss": "train/loss"}).'
        )
        assert table_of(text, columns={"loss": "eval/loss"})["loss"].tolist() == [3.6]
        # Where nobody needs it, nothing is guessed and nothing raised before it is asked for.
        table = table_of(text, needs=("params",))
        assert "loss" not in table
        with pytest.raises(BadInput, match="2 columns could be loss"):
            table["loss"]

    def test_a_column_that_is_called_twice_is_not_guessed_either(self, table_of):
        assert "2 columns could be params" in problem(table_of, "N,N,D,loss\n1e6,2e6,1e9,3\n")

    def test_two_that_are_equal_are_one(self, table_of):
        text = "_step,train/global_step,loss\n1,1,5\n2,2,4\n"
        assert table_of(text, needs=("step", "loss"))["step"].tolist() == [1, 2]
        other = text.replace("2,2,4", "2,3,4")
        assert "2 columns could be step" in problem(table_of, other, needs=("step", "loss"))

    def test_less_sure_losses_are_named(self, table_of):
        table = table_of("N,D,loss,smooth loss\n1e8,1e9,3.5,3.4\n")
        assert table["loss"].tolist() == [3.5]
        assert "loss = 'loss' (not 'smooth loss')" in said(table)

    def test_parameters_without_embeddings_are_another_column(self, table_of):
        text = "non_embedding_params,D,loss\n1e8,1e9,3.5\n"
        assert '--map "params=params_no_embed"' in problem(table_of, text)
        assert table_of(text, needs=("params_no_embed",))["params_no_embed"].tolist() == [1e8]
        both = table_of("params,params_no_embed,D,loss\n2e8,1e8,1e9,3.5\n")
        assert both["params"].tolist() == [2e8]

    def test_text_is_no_candidate(self, table_of):
        table = table_of("param_count,n,D,loss\nkaplan,1e8,1e9,3.5\nours,1e8,2e9,3.4\n")
        assert table["params"].tolist() == [1e8, 1e8]

    @pytest.mark.parametrize(
        ("header", "hint"),
        [
            ("params,tokens,ppl", '--map "loss=log(ppl)"'),
            ("params,tokens,eval/bpb", '--map "loss=`eval/bpb`" --loss-unit bits'),
            ("params,step,loss", "--tokens-per-step"),
            ("parms,tokens,loss", "Did you mean 'parms'?"),
            ("width,tokens,loss", "--map params=COLUMN"),
        ],
    )
    def test_a_missing_column_comes_with_what_to_write(self, table_of, header, hint):
        assert hint in problem(table_of, f"{header}\n1e8,2e9,3.5\n")

    def test_sizes_in_names_of_runs_are_pointed_at(self, table_of):
        text = "run,D,loss\n70m-base,1e9,3.5\nladder-1.3B-2xC,1e9,3.1\n"
        assert '--map "params=size_in(run)"' in problem(table_of, text)
        table = table_of(text, columns={"params": "size_in(run)"})
        assert table["params"].tolist() == [70e6, 1.3e9]

    def test_a_name_that_comes_again_at_the_same_step_tells_no_runs_apart(self, table_of):
        text = "model_name,model_size,step,D,loss\nA,1M,1,1e9,3\nA,2M,1,1e9,2.9\n"
        assert "run" not in table_of(text)


class TestFiles:
    @pytest.mark.parametrize(
        "text",
        [
            "N,D,loss\n1.5e6,1e9,3.5\n",
            "N\tD\tloss\n1.5e6\t1e9\t3.5\n",
            "N;D;loss\n1,5e6;1e9;3,5\n",
            '\ufeffN,D,"loss"\r\n"1,500,000",1B,"3.5"\r\n',
            "N,D,loss,\n1.5M, 1 B ,3.5,\n\n",
            "N|D|loss\n1.5e6|1e9|3.5\n",
            "N,D,loss\n1.5 million,1 billion,3.5\n",
        ],
    )
    def test_ways_of_writing_csv(self, table_of, text):
        table = table_of(text)
        assert [table[name].tolist() for name in USUAL] == [[1.5e6], [1e9], [3.5]]
        assert table.rows == ("runs.csv, line 2",)

    def test_a_separator_in_a_line_of_its_own_counts_as_a_line(self, table_of):
        table = table_of("sep=;\r\nN;D;loss\r\n1M;1B;3,5\r\n")
        assert table["loss"].tolist() == [3.5]
        assert table.rows == ("runs.csv, line 3",)

    def test_other_kinds_of_files(self, table_of, tmp_path):
        row = {"N": 1.5e6, "D": 1e9, "loss": 3.5}
        lines = json.dumps(row) + "\n"
        for name, text in {
            "a.jsonl": lines,
            "a.json": f"[{lines}]",
            "b.json": json.dumps({name: [value] for name, value in row.items()}),
            "a.csv.gz": gzip.compress(b"N,D,loss\n1.5e6,1e9,3.5\n"),
            "utf16.csv": "N,D,loss\n1.5e6,1e9,3.5\n".encode("utf-16"),
        }.items():
            table = table_of(text, name)
            assert [table[one].tolist() for one in USUAL] == [[1.5e6], [1e9], [3.5]], name
        polars.DataFrame([row | {"config": {"lr": 0.1}, "kind": None}]).write_parquet(
            tmp_path / "a.parquet"
        )
        table = read_table(tmp_path / "a.parquet", needs=USUAL)
        assert table["config.lr"].tolist() == table["learning_rate"].tolist() == [0.1]
        assert table.rows == ("a.parquet, row 1",)

    def test_a_trainer_state_of_transformers(self, table_of):
        log = [
            {"loss": 3.1, "learning_rate": 0.1, "step": 10},
            {"eval_loss": 3.3, "step": 10},
            {"loss": 2.9, "learning_rate": 0.05, "step": 20},
        ]
        text = json.dumps({"best_metric": None, "log_history": log})
        table = table_of(text, "trainer_state.json", needs=("step", "loss", "learning_rate"))
        assert table["loss"].tolist() == [3.1, 2.9]
        assert table["learning_rate"].tolist() == [0.1, 0.05]

    def test_several_files_name_their_rows(self, tmp_path):
        for name in ("a", "b"):
            (tmp_path / f"{name}.csv").write_text("N,D,loss\n1e6,1e9,3.5\n")
        table = read_table(str(tmp_path / "*.csv"), needs=USUAL)
        assert table["file"].tolist() == ["a.csv", "b.csv"]
        assert table.rows == ("a.csv, line 2", "b.csv, line 2")
        assert read_table([tmp_path / "a.csv", tmp_path / "b.csv"]).count == 2

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("runs.csv", "", "is empty"),
            ("runs.csv", "N,D,loss\n", "has no rows below its header"),
            ("runs.csv", "1e6,1e9,3.5\n1e6,1e9,3.4\n", "write a header above it"),
            ("runs.csv", b"N,D,loss\n1e6,1e9,\xe93\n", "no text in UTF-8 (at byte 17)"),
            ("runs.parquet", b"PAR1xxxx", "is no Parquet"),
            ("runs.csv", 'N,D,loss\n1,1,"3\n1,1,3\n', "line 2: a quotation mark is opened"),
            ("runs.csv", "N D loss\n1e6 1e9 3.5\n", "separate columns by a comma"),
            ("runs.xlsx", "x", "is no table that can be read"),
        ],
    )
    def test_what_is_no_table(self, table_of, name, text, message):
        assert message in problem(table_of, text, name)

    def test_a_file_that_is_not_there(self, tmp_path):
        (tmp_path / "runs.csv").write_text("x\n1\n")
        assert "Did you mean 'runs.csv'?" in problem(read_table, tmp_path / "run.csv")


class TestWeightsAndBiases:
    def test_a_chart_has_one_column_a_run(self, table_of):
        text = '"Step","a - train/loss","a - train/loss__MIN","b x - train/loss"\n1,5,5,6\n2,4,4,\n'
        table = table_of(text, needs=("step", "loss"))
        assert table["run"].tolist() == ["a", "a", "b x"]
        assert table["loss"].tolist() == [5, 4, 6]
        assert table.rows[2] == "runs.csv, line 2, b x"
        assert "Columns __MIN and __MAX were left out (1)" in said(table)

    @pytest.mark.parametrize("write", [json.dumps, repr])
    def test_settings_in_a_cell(self, table_of, write):
        config = {"n_params": {"value": 1e8}, "optimizer": {"lr": 0.1}, "_wandb": {"x": 1}}
        summary = {"_step": 9, "eval/loss": 3.5, "tokens": 2e9}
        cells = [write(one).replace('"', '""') for one in (summary, config)]
        table = table_of(f',summary,config,name\n0,"{cells[0]}","{cells[1]}",calm-sea\n')
        assert [table[name].tolist() for name in USUAL] == [[1e8], [2e9], [3.5]]
        assert table["run"].tolist() == ["calm-sea"]
        assert table["learning_rate"].tolist() == [0.1]
        assert not any("_wandb" in name for name in table)

    def test_a_history_with_holes(self, table_of):
        text = "_step,_runtime,train/loss,eval/loss\n1,1,5,\n2,2,4,4.2\n3,3,3,\n"
        table = table_of(text, needs=("step", "loss"), columns={"loss": "eval/loss"})
        assert table["step"].tolist() == [2]
        assert "2 rows left out, loss is missing: runs.csv, lines 2, 4." in table.notes


class TestUnits:
    def test_bits_become_nats(self, table_of):
        table = table_of("N,D,bpb\n1e6,1e9,2\n", columns={"loss": "bpb"}, loss_unit="bits")
        assert table["loss"].tolist() == [2 * math.log(2)]
        assert "loss was in bits" in said(table)

    def test_tokens_from_steps(self, table_of):
        table = table_of("params,step,loss\n1e8,100,3.5\n", tokens_per_step=2048)
        assert table["tokens"].tolist() == [204800]

    def test_the_third_of_6nd(self, table_of):
        assert table_of("C,N,loss\n6e18,1e8,3.5\n")["tokens"].tolist() == [1e10]
        assert table_of("C,D,loss\n6e18,1e10,3.5\n")["params"].tolist() == [1e8]
        with_sizes = "C,D,loss,run\n6e18,1e10,3.5,90M\n"
        assert "size_in(run)" in problem(table_of, with_sizes)

    def test_compute_that_is_not_6nd(self, table_of):
        off = table_of("C,N,D,loss\n3e17,1e8,1e9,3.5\n3e18,1e8,1e10,3.2\n")
        assert "flops / (6 · params · tokens) has the median 0.5, not 1" in said(off)
        assert "median" not in said(table_of("C,N,D,loss\n6.6e17,1e8,1e9,3.5\n"))
        giga = table_of("total_training_Gflops,N,D,loss\n6e8,1e8,1e9,3.5\n")
        assert giga["flops"].tolist() == [6e17]

    def test_a_column_flops_that_is_no_compute(self, table_of):
        text = "flops,N,D,loss\n17.8,1e8,1e9,3.5\n18.8,1e8,1e10,3.2\n"
        table = table_of(text)
        assert table["flops"].tolist() == [6e17, 6e18]
        assert table["flops_of_file"].tolist() == [17.8, 18.8]
        assert "flops = 6·params·tokens, since 'flops' is" in said(table)
        assert "are these logarithms?" in problem(table_of, text, needs=("flops", "loss"))
        mapped = table_of(text, columns={"flops": "10**flops"})
        assert mapped["flops"] == pytest.approx([10**17.8, 10**18.8])

    def test_logarithms_are_caught_before_they_are_fitted(self, table_of):
        text = "N,num_token,loss\n125m,9,3.5\n125m,10.5,3.2\n"
        message = problem(table_of, text)
        assert "tokens ('num_token') lies between 9 and 10.5: are these logarithms?" in message
        assert '--map "tokens=10**num_token"' in message
        table = table_of(text, columns={"tokens": "10**num_token"})
        assert table["tokens"] == pytest.approx([1e9, 10**10.5])
        assert table_of(text, columns={"tokens": "1*num_token"})["tokens"].tolist() == [9, 10.5]

    def test_millions_are_suspected(self, table_of):
        table = table_of("N,D,loss\n125,2e9,3.5\n350,7e9,3.2\n")
        assert table["params"].tolist() == [125, 350]
        assert '--map "params=1e6*N"' in said(table)

    def test_a_perplexity_called_loss(self, table_of):
        assert "is it a perplexity?" in problem(table_of, "N,D,loss\n1e6,1e9,35\n2e6,1e9,28\n")


class TestRowsThatCannotBeUsed:
    TEXT = (
        "N,D,loss\n1e6,1e9,3.5\n1e6,1e9\n\n1e6,1e9,3,4\n1e6,2e9,inf\n1e6,2e9,-1\n0.5,2e9,3\n"
        "abc,2e9,3\n1e6,2e9,nan\n1e6,0,3\n"
    )

    def test_each_is_told_of_by_line(self, table_of):
        table = table_of(self.TEXT)
        assert table["loss"].tolist() == [3.5]
        assert table["params"].dtype == np.float64
        for sentence in (
            "1 row left out, 2 values where the header names 3 columns: runs.csv, line 3.",
            "1 row left out, 4 values where the header names 3 columns: runs.csv, line 5.",
            "1 row left out, loss is infinite: runs.csv, line 6 (inf).",
            "1 row left out, loss is not above 0: runs.csv, line 7 (-1.0).",
            "1 row left out, params is below 1: runs.csv, line 8 (0.5).",
            "1 row left out, params is no number: runs.csv, line 9 (abc).",
            "1 row left out, loss is missing: runs.csv, line 10.",
            "1 row left out, tokens is not above 0: runs.csv, line 11 (0.0).",
        ):
            assert sentence in table.notes

    def test_or_the_first_stops_the_reading(self, table_of):
        message = problem(table_of, self.TEXT, on_error="raise")
        assert message.startswith("runs.csv, line 3: 2 values where the header names 3 columns")

    def test_many_are_counted(self, table_of):
        table = table_of("N,D,loss\n1e6,1e9,3\n" + "1e6,1e9,\n" * 1200)
        assert "1,200 rows left out, loss is missing: runs.csv, lines 3, 4, 5, 6, 7 and 1,195" in (
            said(table)
        )

    def test_a_row_of_labels_is_a_bad_row(self, table_of):
        table = table_of("N,D,loss\nsize,words,nats\n1e6,1e9,3\n")
        assert table["loss"].tolist() == [3]
        assert "params is no number: runs.csv, line 2 (size)" in said(table)

    def test_none_is_left(self, table_of):
        message = problem(table_of, "N,D,loss\n1e6,1e9,\n")
        assert message.startswith(
            "No row of the table can be used. 1 row left out, loss is missing"
        )

    def test_what_is_not_needed_may_be_missing(self, table_of):
        table = table_of("N,D,loss,lr\n1e6,1e9,3,\n1e6,2e9,2.9,x\n1e6,3e9,2.8,0.1\n")
        assert table.count == 3
        assert np.isnan(table["learning_rate"]).tolist() == [True, True, False]
        assert "learning_rate is missing where it holds text (rows: 1)" in said(table)

    def test_repeated_rows_are_kept_and_told(self, table_of):
        table = table_of("N,D,loss\n1e6,1e9,3.5\n1e6,1e9,3.5\n1e6,1e9,3.6\n2e6,1e9,3.5\n")
        assert table.count == 4
        assert "equal to an earlier row (1): runs.csv, line 3 = runs.csv, line 2" in said(table)
        assert "runs.csv, line 2 and runs.csv, line 4" in said(table)
        assert "equal" not in said(table_of("N,D,seed,loss\n1e6,1e9,1,3\n1e6,1e9,2,3.5\n"))


COLUMNS = {
    "N": np.array([1e6, 2e6, np.nan]),
    "set": np.array(["a", "b", ""], object),
    "eval/loss": np.array([3.0, 2.5, 2.0]),
    "smooth loss": np.array([1.0, 2.0, 3.0]),
    "# L": np.array([1.0, 2.0, 3.0]),
    "flag": np.array(["True", "False", "True"], object),
    "size": np.array(["125m", "1.3B", "7B"], object),
}


class TestFormulas:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("eval/loss", [3, 2.5, 2]),
            ("2*eval/loss - smooth loss", [5, 3, 1]),
            ("`# L`**2 + 1", [2, 5, 10]),
            ("-`# L`^2", [-1, -4, -9]),
            ("log(exp(eval/loss))", [3, 2.5, 2]),
            ("log10(1e3)*`# L`", [3, 6, 9]),
            ("size/1M", [125, 1300, 7000]),
            ("max(eval/loss, 2.5)", [3, 2.5, 2.5]),
        ],
    )
    def test_numbers(self, text, values):
        assert evaluate(text, COLUMNS) == pytest.approx(np.array(values))

    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("N < 1.5e6", [0]),
            ("N < 1.5M", [0]),
            ("N != 1e6", [1]),
            ("set = 'a' or set == \"b\"", [0, 1]),
            ("set in ('a', 'b') and not (set = 'b')", [0]),
            ("set NOT IN ('a')", [1]),
            ("set in ('a')", [0]),
            ("set <> 'a'", [1]),
            ("flag = true", [0, 2]),
            ("1 < `# L` <= 3 and eval/loss > 2", [1]),
            ("size > 1e9 && smooth loss < 3", [1]),
            ("\"set\" == 'a'", [0]),
        ],
    )
    def test_conditions(self, text, rows):
        assert np.flatnonzero(chosen(text, COLUMNS, 3)).tolist() == rows

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("Nn < 3", "There is no column 'Nn' (in 'Nn < 3'). Did you mean 'N'?"),
            ("N <", "is no formula"),
            ("N", "is no condition"),
            ("N and set = 'a'", "N is neither true nor false"),
            ("N < 0", "No row fulfils 'N < 0': N lies between 1e+06 and 2e+06."),
            ("set = 'c'", "set holds '', 'a', 'b'"),
            ("set > 3", "the column set holds '', 'a', 'b', and a number is needed"),
            ("N == '1e6'", "write the number without quotation marks"),
            ("__import__('os').system('x') > 1", "There is no column '__import__'"),
            ("log.__class__ > 1", "There is no column 'log.__class__'"),
            ("log(N, 2) > 1", "is no formula"),
            ("[x for x in (1, 2)]", "There is no column 'x'"),
            ("N > 1; 2", "cannot be read from ';"),
            ("(" * 5000, "is no formula"),
        ],
    )
    def test_what_is_none(self, text, message):
        with pytest.raises(BadInput) as caught:
            chosen(text, COLUMNS, 3)
        assert message in str(caught.value)

    def test_columns_by_formula(self, table_of):
        text = "bs,ti,ppl,model_m,D\n256,1000,20,25,7\n"
        maps = parse_map(["tokens=bs*2048*ti", "loss=log(ppl)", "params=1e6 * model_m"])
        table = table_of(text, columns=maps)
        assert table["tokens"].tolist() == [256 * 2048 * 1000]
        assert table["loss"] == pytest.approx([math.log(20)])
        assert table["params"].tolist() == [25e6]
        assert table_of(text, columns=maps | {"params": "7e9"})["params"].tolist() == [7e9]
        assert "Did you mean 'ppl'" in problem(table_of, text, columns={"loss": "log(pl)"})

    def test_maps_of_another_form(self):
        with pytest.raises(BadSetting, match="NAME=COLUMN or NAME=FORMULA"):
            parse_map(["params"])
        with pytest.raises(BadSetting, match="params is given twice"):
            parse_map(["params=N", "params=M"])
        assert parse_map(["share = a == 1"]) == {"share": "a == 1"}


class TestTable:
    def test_rows_and_columns(self):
        table = Table({"params": np.array([1e6, 1e8, 1e9]), "loss": np.array([5.0, 4.0, 3.0])})
        assert (table.count, len(table), list(table)) == (3, 2, ["params", "loss"])
        assert table.take([2, 0])["loss"].tolist() == [3, 5]
        assert table.take(table["loss"] > 3).rows == ("row 1", "row 2")
        assert table.where("params in (1e6, 1e9)").notes == (
            "Rows where params in (1e6, 1e9): 2 of 3.",
        )
        assert table.with_column("double", "2*loss")["double"].tolist() == [10, 8, 6]
        assert table.with_column("text", ["a", "b", "c"])["text"].dtype == object
        assert repr(table) == "Table(3 rows: params, loss)"
        assert table.get("none") is None
        assert "none" not in table

    def test_what_does_not_fit(self):
        table = Table({"loss": np.array([5.0, 4.0])})
        with pytest.raises(ShapeError, match="x has 3 values"):
            table.with_column("x", [1, 2, 3])
        with pytest.raises(ShapeError, match="3 truth values"):
            table.take([True, False, True])
        with pytest.raises(BadInput, match="Did you mean 'loss'"):
            table["los"]


class TestCheckpoints:
    TEXT = "run,step,lr,seed,loss\nb,2,.1,7,4\na,1,.2,7,5\nb,1,.2,7,6\na,3,.1,7,3\na,2,.2,7,4\n"

    @pytest.fixture
    def table(self, table_of):
        return table_of(self.TEXT, needs=("step", "loss"))

    def test_the_last_and_their_mean(self, table):
        assert final(table)["loss"].tolist() == [4, 3]
        mean = last_checkpoints(table, count=2)
        assert mean["loss"].tolist() == [5, 3.5]
        assert mean["step"].tolist() == [2, 3]
        assert mean["seed"].tolist() == [7, 7]
        assert mean.rows[1] == "runs.csv, line 6 to runs.csv, line 5"
        assert "Fewer rows than that: b." in said(last_checkpoints(table, count=3))
        assert "each counts as one" in said(table)

    def test_on_reading(self, table_of):
        table = table_of(self.TEXT, needs=("loss",), checkpoints="final", average=2)
        assert table["loss"].tolist() == [5, 3.5]
        with pytest.raises(BadSetting, match="checkpoints='final'"):
            table_of(self.TEXT, needs=("loss",), average=2)

    def test_thinned(self, table):
        assert thinned(table, skip_share=0.5)["loss"].tolist() == [4, 6, 3, 4]
        assert thinned(table, every=2)["loss"].tolist() == [4, 5, 3]

    def test_several_measurements_at_a_step_are_no_checkpoints(self, table_of):
        text = "run,set,step,loss\na,x,1,3\na,y,1,4\n"
        message = problem(table_of, text, needs=("loss",), checkpoints="final")
        assert "differ in set: choose one with --where, or tell them apart with --by run,set" in (
            message
        )
        both = table_of(text, needs=("loss",), checkpoints="final", by=("run", "set"))
        assert both["loss"].tolist() == [3, 4]


class TestSchedules:
    def test_lines_between_logged_rates(self):
        logged = logged_schedule(np.array([2.0, 4.0]), np.array([0.2, 0.6]))
        assert logged == pytest.approx([0.1, 0.2, 0.4, 0.6])
        warm = logged_schedule(np.array([4.0, 5.0]), np.array([0.2, 0.1]), warmup=2)
        assert warm == pytest.approx([0.1, 0.2, 0.2, 0.2, 0.1])
        flat = logged_schedule(np.array([3.0]), np.array([0.2]), warmup=0)
        assert flat.tolist() == [0.2, 0.2, 0.2]

    def test_a_column_of_arrays(self, table_of):
        text = (
            "schedule,step,lr,loss\n"
            "cosine,1,.1,5\ncosine,3,.3,4\nflat,1,.1,5\nflat,3,.1,\nflat,2,.1,4\n"
        )
        table = table_of(
            text, needs=("step", "schedule", "loss"), where="schedule = 'flat' or step > 1"
        )
        assert table["schedule_name"].tolist() == ["cosine", "flat", "flat"]
        assert table["schedule"][0] == pytest.approx([0.1, 0.2, 0.3])
        assert len(table["schedule"][1]) == 3  # the row without a loss was logged too
        assert table["schedule"][1] is table["schedule"][2]
        assert table.take([1])["schedule"][0] is table["schedule"][1]
        assert final(table, by="schedule")["step"].tolist() == [3, 2]

    def test_charts_of_rates_and_losses_in_two_files(self, tmp_path):
        (tmp_path / "rate.csv").write_text('"Step","a - lr","b - lr"\n1,.1,.2\n3,.3,.2\n')
        (tmp_path / "loss.csv").write_text('"Step","a - loss","b - loss"\n2,5,6\n4,4,5\n')
        files = [tmp_path / "rate.csv", tmp_path / "loss.csv"]
        table = read_table(files, needs=("step", "schedule", "loss"))
        assert table["loss"].tolist() == [5, 4, 6, 5]
        # The rate that was logged last goes on to the last step.
        assert table["schedule"][0] == pytest.approx([0.1, 0.2, 0.3, 0.3])
        assert table["schedule"][2] == pytest.approx([0.2] * 4)

    def test_two_rates_at_a_step_are_two_runs(self, table_of):
        text = "step,lr,loss\n1,.1,5\n1,.2,5\n"
        message = problem(table_of, text, needs=("step", "schedule", "loss"))
        assert "step 1 has several learning rates" in message

    def test_rates_that_were_not_logged(self):
        with pytest.raises(BadInput, match="has no learning_rate"):
            with_schedules(Table({"step": np.array([1.0])}))


def write_run(folder, *, steps=4, finished=True, loss=(4.0, 3.0)):
    """What `likely train` leaves behind, in small."""
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(
        f'format = 1\nmodel = "transformer"\nseed = 3\nsteps = {steps}\nlength = 8\nrows = 2\n'
        'accumulate = 2\n[optimizer]\nname = "adamw"\nlr = 0.5\n[schedule]\nname = "linear"\n'
    )
    rows = []
    for step in range(1, (steps if finished else 2) + 1):
        rows.append({"step": step, "tokens": 32 * step, "lr": 0.1 * step, "loss": 5.0 - step / 10})
        if step % 2 == 0:
            rows.append({"step": step, "tokens": 32 * step, "nats_per_token": loss[step // 2 - 1]})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metrics.jsonl").write_text(lines + '{"step": 5, "lo')
    head = {"__metadata__": {}, "lm_head.weight": {"shape": [10, 2]}, "layers.0.w": {"shape": [3]}}
    data = json.dumps(head).encode()
    if finished:
        (folder / "model").mkdir()
        (folder / "model" / "model.safetensors").write_bytes(struct.pack("<Q", len(data)) + data)


class TestRunFolders:
    def test_one_row_a_run(self, tmp_path):
        write_run(tmp_path / "runs" / "a")
        write_run(tmp_path / "runs" / "b", loss=(4.0, 2.0))
        table = read_table(tmp_path / "runs", needs=USUAL)
        assert table["run"].tolist() == ["a", "b"]
        assert table["loss"].tolist() == [3, 2]
        assert table["tokens"].tolist() == [128, 128]
        assert table["params"].tolist() == [23, 23]
        assert table["params_no_embed"].tolist() == [3, 3]
        assert table["batch_tokens"].tolist() == [32, 32]
        assert table["optimizer.lr"].tolist() == [0.5, 0.5]
        assert table.rows[0] == "a/metrics.jsonl, line 6"
        everything = read_table(str(tmp_path / "runs" / "*"), needs=USUAL, checkpoints="all")
        assert everything["loss"].tolist() == [4, 3, 4, 2]

    def test_its_schedule_and_training_loss(self, tmp_path):
        write_run(tmp_path / "a")
        needs = ("step", "schedule", "loss")
        table = read_table(tmp_path / "a", needs=needs, columns={"loss": "train_loss"})
        assert table["loss"] == pytest.approx([4.9, 4.8, 4.7, 4.6])
        assert table["schedule"][0] == pytest.approx([0.1, 0.2, 0.3, 0.4])
        assert read_table(tmp_path / "a", needs=needs)["step"].tolist() == [2, 4]

    def test_runs_whose_folders_are_called_alike(self, tmp_path):
        write_run(tmp_path / "x" / "run")
        write_run(tmp_path / "y" / "run", loss=(4.0, 2.0))
        table = read_table([tmp_path / "x" / "run", tmp_path / "y" / "run"], needs=USUAL)
        assert table["run"].tolist() == ["x/run", "y/run"]
        assert table["loss"].tolist() == [3, 2]

    def test_an_unfinished_run_is_named(self, tmp_path):
        write_run(tmp_path / "a", finished=False)
        table = read_table(tmp_path / "a", needs=("tokens", "loss"))
        assert table["loss"].tolist() == [4]
        assert "Not finished: a (step 2 of 4)." in table.notes
        assert "No saved model, so no params: a." in table.notes

    def test_a_damaged_one(self, tmp_path):
        write_run(tmp_path / "a")
        (tmp_path / "a" / "metrics.jsonl").write_text("nonsense\n")
        assert "metrics.jsonl, line 1: no row of a log" in problem(read_table, tmp_path / "a")
        (tmp_path / "empty").mkdir()
        assert "holds neither runs" in problem(read_table, tmp_path / "empty")


C4 = "eval/c4_en-validation/CrossEntropyLoss"
REAL = [
    ("chinchilla_epoch/runs.csv", 245, {}),
    ("gadre_overtrain/runs.csv", 69, {"columns": {"loss": "loss_c4_val"}}),
    ("loss_to_loss/sweep.csv", 529, {"columns": {"loss": "eval/c4_val/CrossEntropyLoss"}}),
    ("llm_line/hf_models.csv", 83, {"columns": {"loss": "C4 Validation Loss"}}),
    ("steplaw/dense.csv", 1911, {"needs": (*USUAL, "learning_rate")}),
    ("colpret/datablations_c4.parquet", 4855, {"needs": (*USUAL, "unique_tokens")}),
    (
        "colpret/opt_trajectories.csv",
        142,
        {"columns": {"loss": "log(ppl)", "tokens": "10**num_token"}},
    ),
    (
        "olmo_ladder/checkpoints.parquet",
        31,
        {"columns": {"loss": C4, "params": "size_in(run)"}, "needs": ("tokens", "loss")}
        | {"checkpoints": "final", "average": 5},
    ),
    ("loss_deceleration/curves.csv", 2096, {"needs": ("step", "loss", "params")}),
    ("porian_isoflop/isoflop_points.csv", 816, {"where": "hparams == 'base'"}),
    ("mixing_laws/losses.parquet", 36332, {"needs": ("step", "loss", "params")}),
    ("mpl_curves/curves.csv", 4162, {"needs": ("step", "schedule", "loss"), "warmup": 2160}),
    (
        "regmix/train_pile_loss_1m.csv",
        512,
        {"needs": ("loss",), "columns": {"loss": "metric/the_pile_arxiv_val_loss"}},
    ),
]


@pytest.mark.parametrize(("name", "count", "settings"), REAL, ids=[one[0] for one in REAL])
def test_public_tables(measurements, name, count, settings):
    table = read_table(measurements / name, **({"needs": USUAL} | settings))
    assert table.count == count
    for column in {"loss", *settings.get("needs", USUAL)} - {"schedule"}:
        assert np.isfinite(table[column]).all()


def test_public_tables_are_what_another_reader_reads(measurements):
    for name, names in {
        "chinchilla_epoch/runs.csv": {"params": "params", "tokens": "tokens", "loss": "loss"},
        "steplaw/dense.csv": {"params": "N", "tokens": "D", "learning_rate": "lr", "step": "ti"},
        "porian_isoflop/isoflop_points.csv": {"params": "n", "flops": "flops"},
    }.items():
        table, frame = read_table(measurements / name), polars.read_csv(measurements / name)
        assert table.count == frame.height
        for ours, theirs in names.items():
            assert table[ours].tolist() == frame[theirs].cast(polars.Float64).to_list()
    sizes = read_table(measurements / "colpret" / "datablations_c4.parquet")
    texts = polars.read_parquet(measurements / "colpret" / "datablations_c4.parquet")["num_params"]
    scale = {"B": 1e9, "M": 1e6}
    wanted = [float(text[:-1]) * scale[text[-1]] for text in texts]
    assert sizes["params"] == pytest.approx(np.array(wanted), rel=1e-12)


def test_public_tables_that_need_a_word(measurements):
    for name, message in {
        "gadre_overtrain/runs.csv": "8 columns could be loss: 'loss_openlm'",
        "colpret/opt_trajectories.csv": "are these logarithms?",
        "regmix/train_pile_loss_1m.csv": "has no column 'params'",
        "gadre_overtrain/eval_tasks.csv": "has no column 'params'",
    }.items():
        assert message in problem(read_table, measurements / name, needs=USUAL)


def test_a_public_log_gives_whole_schedules(measurements):
    table = read_table(
        measurements / "mpl_curves" / "curves.csv",
        needs=("step", "schedule", "loss"),
        where="model_m = 25 and step > 10000",
        warmup=2160,
    )
    assert table.where("schedule = 'cosine_24000'").count > 50
    first = table["schedule"][0]
    assert first[2159] == pytest.approx(3e-4)
    assert first[1079] == pytest.approx(1.5e-4)

# Judges what the programs printed: usage in hack/conformance. Reads the known failures, then the output of each
# program with each runtime, FOLDER/RUNTIME/PROGRAM; the first of `names` is the runtime that is judged.
# A program's exit status says little: its TAP lines count, and where it has planned none, the error it tells.

BEGIN {
    runtimes = split(names, runtime_of, " ")
    us = runtime_of[1]
    split("machine test decision us", classes, " ")
}

FILENAME ~ /\/known$/ {
    if ($0 !~ /^#/ && NF) {
        entries++
        program_of[entries] = $1; lines_of[entries] = "," $2 ","; when_of[entries] = $4
        why_of[entries] = $3; chance[entries] = sub(/\?$/, "", why_of[entries])
        sub(/^([^ ]+ +)([^ ]+ +)([^ ]+ +)([^ ]+ +)/, ""); reason_of[entries] = $0
    }
    next
}

FNR == 1 {
    depth = split(FILENAME, part, "/")
    program = part[depth]; runtime = part[depth - 1]
    if (!(program in was_run)) { was_run[program]; program_at[++programs] = program }
    told = 0; lines = 0
}
/^ok / { passed[runtime, program]++; lines++ }
/^not ok / { failed[runtime, program] = failed[runtime, program] " " $3; lines++ }
/"error": "[^"]/ { told = 1 }
/^exit / {
    ended[runtime, program] = 1
    if ($2 == 124 || $2 == 137) failed[runtime, program] = failed[runtime, program] " time"
    else if ($2 != 0) failed[runtime, program] = failed[runtime, program] " exit"
    else if (!lines && told) failed[runtime, program] = failed[runtime, program] " error"
    else if (!lines) passed[runtime, program] = 1
}

# Whether all that an entry wants of the machine is so.
function holds(when,    count, i, wanted) {
    count = split(when, wanted, ",")
    for (i = 1; i <= count; i++) if (wanted[i] != "-" && index(" " facts " ", " " wanted[i] " ") == 0) return 0
    return 1
}

# The entry that knows of a failure, or 0. Decisions are ours alone.
function entry(runtime, program, line,    i) {
    for (i = 1; i <= entries; i++) {
        if (program_of[i] != program || !holds(when_of[i])) continue
        if (why_of[i] == "decision" && runtime != us) continue
        if (lines_of[i] == ",*," || index(lines_of[i], "," line ",")) return i
    }
    return 0
}

# A list and one more.
function more(list, separator, one) { return list ? list separator one : one }

# Sorts a program's failures into classes: number[CLASS], text[CLASS].
function judge(runtime, program,    count, i, line, known, class) {
    for (i in classes) { number[classes[i]] = 0; text[classes[i]] = "" }
    if (!((runtime, program) in ended)) failed[runtime, program] = " not-run"
    count = split(failed[runtime, program], line, " ")
    for (i = 1; i <= count; i++) {
        known = entry(runtime, program, line[i])
        class = known ? why_of[known] : "us"
        number[class]++
        if (runtime == us) used[known] = 1
        if (!known) text[class] = more(text[class], ", ", line[i])
        else if (!index(text[class], reason_of[known])) text[class] = more(text[class], "; ", reason_of[known])
    }
}

# What another runtime did, in a cell.
function beside(runtime, program,    cell, i, class) {
    judge(runtime, program)
    for (i = 1; i in classes; i++) {
        class = classes[i]
        if (number[class]) cell = more(cell, ", ", number[class] " " (class == "us" ? "own" : class))
    }
    return cell ? cell : "all"
}

function row(program,    cells, i, class, why) {
    judge(us, program)
    cells = "| " program " | " passed[us, program] + 0 " |"
    for (i = 1; i in classes; i++) {
        class = classes[i]
        cells = cells " " (number[class] ? number[class] ": " text[class] : "") " |"
        if (class != "us" && text[class]) why = more(why, "; ", class ": " text[class])
    }
    if (number["us"]) {
        bad++
        print program > failing
        problems = problems "FAILED: runtime-tools " program ": " text["us"] "\n"
    } else if (why) {
        skipped++
        skips = skips "skipped: runtime-tools " program ": " why "\n"
    } else good++
    for (i = 2; i <= runtimes; i++) cells = cells " " beside(runtime_of[i], program) " |"
    return cells
}

END {
    head = "| program | passed | failed: machine | failed: test | failed: decision | failed: us |"
    rule = "|---|---|---|---|---|---|"
    for (i = 2; i <= runtimes; i++) { head = head " " runtime_of[i] " |"; rule = rule "---|" }
    rows = head "\n" rule
    for (p = 1; p <= programs; p++) rows = rows "\n" row(program_at[p])
    for (i = 1; i <= entries; i++) {
        if (!(program_of[i] in was_run) || !holds(when_of[i]) || chance[i] || used[i]) continue
        bad++
        problems = problems "FAILED: runtime-tools known: a line of " program_of[i] " is not needed any more: " reason_of[i] "\n"
    }
    print rows; print rows > table
    printf "%s%s", skips, problems
    printf "%d passed, %d failed, %d skipped\n", good, bad, skipped
    exit bad > 0 || good == 0
}

# From the commands of a build (make -Bn V=1) a compilation database: an object for each line that compiles one C file.
#
#   awk -v here=FOLDER -f scripts/compile_commands.awk
function json(s) {
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}
BEGIN { printf "[" }
/ -o [^ ]+ [^ ]+\.c$/ {
    printf "%s\n {\"directory\": %s, \"file\": %s, \"output\": %s, \"command\": %s}", n++ ? "," : "", json(here), json($NF), json($(NF - 1)), json($0)
}
END { print "\n]" }

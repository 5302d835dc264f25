# Writes each ```cpp block of a page to PREFIX_N.cpp (PREFIX_N_asio.cpp if it uses Asio), and prints the files' names.
# A block that has no #include gets those that docs/semantics.md promises.
function finish() {
  file = prefix "_" ++n (block ~ /asio/ ? "_asio" : "") ".cpp"
  if (block !~ /#include/)
    block = "#include <chrono>\n#include <string>\n#include <vector>\n" \
            (block ~ /asio/ ? "#include <asio.hpp>\n#include <weft/asio.hpp>\n" : "") \
            "#include <weft/weft.hpp>\nusing namespace std::chrono_literals;\n" block
  printf "%s", block > file
  close(file)
  print file
}
/^```cpp/ { inside = 1; block = ""; next }
/^```/ { if (inside) finish(); inside = 0; next }
inside { block = block $0 "\n" }

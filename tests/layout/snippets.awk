# Writes each ```cpp block of a page to PREFIX_N.cpp (PREFIX_N_asio.cpp if it uses Asio, _hdf5, _blas and _array likewise), and
# prints the files' names. A block that has no #include gets those that docs/semantics.md promises, or with `context`
# set becomes a coroutine of which that header says what is around it; types stand before it then.
function finish() {
  needs = (block ~ /asio/ ? "_asio" : "") (block ~ /hdf5/ ? "_hdf5" : "") (block ~ /weft::(cov|corrcoef|svd)/ ? "_blas" : "") \
          (block ~ /weft\/array/ ? "_array" : "")
  file = prefix "_" ++n needs ".cpp"
  if (types block ~ /#include/)
    block = types block
  else if (context != "")
    block = "#include \"" context "\"\n#pragma GCC diagnostic ignored \"-Wshadow\"\n" \
            "#pragma GCC diagnostic ignored \"-Wunused-variable\"\nnamespace page {\n" types \
            "weft::task<> block() {\n" block "co_return;\n}\n}\n"
  else
    block = "#include <chrono>\n#include <string>\n#include <vector>\n" \
            (block ~ /asio/ ? "#include <asio.hpp>\n#include <weft/asio.hpp>\n" : "") \
            "#include <weft/weft.hpp>\nusing namespace std::chrono_literals;\n" types block
  printf "%s", block > file
  close(file)
  print file
}
/^```cpp/ { inside = 1; block = types = ""; next }
/^```/ { if (inside) finish(); inside = 0; next }
inside && context != "" && /^struct / { in_type = 1 }
inside && in_type { types = types $0 "\n"; if (/^};/) in_type = 0; next }
inside { block = block $0 "\n" }

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft::detail {

/// Names of this program's functions by their addresses, from the symbol table of the program's own file (a stripped
/// one has none) and of shared libraries as far as the dynamic loader knows them.
class symbols {
 public:
  symbols();
  /// Demangled, without the compilers' marks on a coroutine's parts; the address in hexadecimal when it is unknown.
  std::string name_of(std::uint64_t address);

 private:
  struct function {
    std::uint64_t begin, end;
    std::string name;
  };
  std::vector<function> functions_;  // by address
  std::map<std::uint64_t, std::string> known_;
};

}  // namespace weft::detail

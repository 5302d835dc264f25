#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "array/mapped.hpp"
#include "weft/errors.hpp"

/// What the calls of functions of chunks have in common: lib/array/map_calls.cpp.
namespace weft::detail::arrays {

/// Throws misuse where there is no array, or where they have not one client. `what` is called.
void check_some(const std::vector<array_ref>& x, const char* what);

/// The plan's tasks for arrays of which axis a of x[i] is cut as axis `bound[i][a]` of these, or taken as a whole
/// (-1).
array_ref mapped(std::vector<array_ref> x, const std::vector<std::array<std::int32_t, most_axes>>& bound,
                 mapped_plan plan);

/// Axes by their names.
class named_axes {
 public:
  /// Takes one more; throws misuse when it has another extent than before.
  void add(char name, const cut& c, const std::string& where) {
    const std::size_t at = names_.find(name);
    if (at == std::string::npos) {
      names_ += name;
      cuts_.push_back(c);
      return;
    }
    cut& own = cuts_[at];
    if (own.extent != c.extent)
      throw misuse("weft: axis " + std::string(1, name) + " has " + std::to_string(own.extent) + " and " +
                   std::to_string(c.extent) + " elements in " + where);
    if (c.count() > own.count()) own = c;
  }
  const cut* find(char name) const noexcept {
    const std::size_t at = names_.find(name);
    return at == std::string::npos ? nullptr : &cuts_[at];
  }

 private:
  std::string names_;
  std::vector<cut> cuts_;
};

/// Throws misuse where there are eight, in what `where` says.
void add_axis(grid& g, const cut& c, const std::string& where);

/// Of all of them, with chunks.
std::string shapes_of(const std::vector<array_ref>& x);

}  // namespace weft::detail::arrays

#pragma once

#include <string>

#include "weft/detail/array/distributions.hpp"

/// What the parameters of distributions may be: lib/array/distributions.cpp.
namespace weft::detail::arrays {

/// What is wrong with them; nothing: they can be drawn.
std::string fault_of(const drawn_numbers& w);
/// What is wrong with parameter 0, 1 or 2 alone, where it is `value`.
std::string fault_of_parameter(distribution_name of, std::size_t which, double value);
/// How many it has.
std::size_t parameters_of(distribution_name of) noexcept;
/// `poisson`
const char* name_of(distribution_name of) noexcept;
/// Whether its numbers are whole.
bool is_count(distribution_name of) noexcept;

/// The largest whole number that elements may have, of those that doubles count.
double most_of(element e) noexcept;
/// Throws misuse where those that may be drawn are above that.
void check_fits(const drawn_numbers& w, double most, dtype t);

}  // namespace weft::detail::arrays

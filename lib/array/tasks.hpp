#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <string>

#include "array/names.hpp"
#include "array/program.hpp"

namespace weft::detail::arrays {

/// What is made of a chunk, and then of some of its accumulators; `last`: elements are made of them.
struct reduction {
  any_code<reducer> what;
  std::uint32_t axes = 0;  // a bit for each axis that is reduced
  bool last = false;
  bool keep = false;  // reduced axes stay, with one element
  element of = {};    // of the result
};

/// The bytes of what reduce_chunk gives for chunk j.
std::uint64_t bytes_of_reduced(const program& p, const reduction& r, std::size_t j) noexcept;

block evaluate_chunk(const program& p, std::size_t j, inputs in, own_inputs own = {});
block reduce_chunk(const program& p, const reduction& r, std::size_t j, inputs in, own_inputs own = {});
block combine(const reduction& r, values<block> parts);

/// Input i itself where nobody else will read it, else a copy.
block taken_or_copied(values<block> in, std::size_t i);

struct program_task {
  shared<program> what;
  std::uint64_t result_bytes(std::size_t j) const noexcept { return bytes_of_chunk(*what, j); }
  template <class... In>
  block operator()(std::size_t j, const In&... in) const {
    const std::array<values<block>, sizeof...(In) + 1> all{in..., values<block>()};
    return evaluate_chunk(*what, j, {all.data(), sizeof...(In)});
  }
  std::string task_name() const { return name_of_program(*what); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

struct reduce_task {
  shared<program> what;
  reduction how;
  std::uint64_t result_bytes(std::size_t j) const noexcept { return bytes_of_reduced(*what, how, j); }
  template <class... In>
  block operator()(std::size_t j, const In&... in) const {
    const std::array<values<block>, sizeof...(In) + 1> all{in..., values<block>()};
    return reduce_chunk(*what, how, j, {all.data(), sizeof...(In)});
  }
  std::string task_name() const { return name_of_program(*what, &*how.what); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

struct combine_task {
  reduction how;
  box of;  // of groups of chunks
  block operator()(std::size_t, values<block> parts) const { return combine(how, parts); }
  std::string task_name() const { return name_of_code(*how.what) + (how.last ? "-aggregate" : "-partial"); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, of.first, of.counts); }
};

}  // namespace weft::detail::arrays

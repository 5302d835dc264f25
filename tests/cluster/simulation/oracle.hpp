#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "transport/simulated_network.hpp"
#include "wire/batch.hpp"
#include "wire/graph.hpp"

namespace weft::net::simulation {

/// What a task of the simulation does.
enum class behaviour : std::uint8_t {
  plain,
  fails,    // each time
  flaky,    // fails now and then
  kills,    // its worker
  waits,    // a coroutine that holds no slot for half of its time
  submits,  // as many tasks as it has children, and awaits them
};
inline constexpr std::size_t behaviours = 6;

/// The arguments of a task.
struct call_spec {
  std::uint64_t token;  // another for each task
  std::uint32_t run_ns;
  std::uint32_t bytes;  // of the result
  behaviour does;
  std::uint8_t children, depth, gpu;
  std::uint32_t reserved;
};
static_assert(sizeof(call_spec) == 24);

/// `inputs`: of the task. The call of one of a graph says it too, behind its index in its layer.
inline call_spec decode_call(std::span<const std::byte> call, std::size_t inputs) {
  if (call.size() < sizeof(call_spec)) throw protocol_error("a call of the simulation is too short");
  if (call.size() > sizeof(call_spec)) {
    std::vector<std::byte> end;
    put_leb128(end, inputs);
    if (call.size() < sizeof(call_spec) + 1 + end.size() || call.size() > sizeof(call_spec) + 2 + end.size() ||
        !std::equal(end.rbegin(), end.rend(), call.rbegin()))
      throw protocol_error("a call of a graph's task is another's");
  }
  call_spec s;
  std::memcpy(&s, call.data(), sizeof s);
  return s;
}

/// What a task that submits tasks submits.
inline call_spec child_of(const call_spec& s, std::uint8_t n) noexcept {
  call_spec c{};
  c.token = mix(s.token, n + 1u);
  c.run_ns = s.run_ns / 2;
  c.bytes = 100;
  if (s.depth > 1) {
    c.does = behaviour::submits;
    c.children = s.children;
    c.depth = static_cast<std::uint8_t>(s.depth - 1);
  }
  return c;
}

/// The right answer: from the arguments, the inputs' values, then those of its children.
inline std::uint64_t begin_answer(const call_spec& s) noexcept { return mix(0x77656674, s.token); }
inline std::uint64_t children_answer(const call_spec& s, std::uint64_t answer) noexcept {
  if (s.does != behaviour::submits) return answer;
  for (std::uint8_t n = 0; n < s.children; ++n) {
    const call_spec c = child_of(s, n);
    answer = mix(answer, children_answer(c, begin_answer(c)));
  }
  return answer;
}

}  // namespace weft::net::simulation

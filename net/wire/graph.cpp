#include "wire/graph.hpp"

#include <string>

namespace weft::net {
namespace {

constexpr std::uint64_t fold(std::uint64_t difference) noexcept {
  return difference << 1 ^ (std::uint64_t{0} - (difference >> 63));
}
constexpr std::uint64_t unfold(std::uint64_t n) noexcept { return n >> 1 ^ (std::uint64_t{0} - (n & 1)); }
static_assert(unfold(fold(std::uint64_t{0} - 7)) == std::uint64_t{0} - 7 && fold(std::uint64_t{0} - 1) == 1);

[[noreturn]] void fail(std::uint64_t number, const char* what) {
  throw protocol_error("weft: number " + std::to_string(number) + " of a graph " + what);
}

std::uint64_t take(std::span<const std::byte>& from, std::uint64_t number) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < from.size() && i < leb128_bytes; ++i) {
    const auto b = static_cast<std::uint64_t>(from[i]);
    if (i == leb128_bytes - 1 && b > 1) break;
    n |= (b & 127) << 7 * i;
    if (b < 128) {
      from = from.subspan(i + 1);
      return n;
    }
  }
  fail(number, "is cut off, or has a number of more than 64 bits");
}

}  // namespace

void put_leb128(std::vector<std::byte>& to, std::uint64_t n) {
  for (; n >= 128; n >>= 7) to.push_back(static_cast<std::byte>(n | 128));
  to.push_back(static_cast<std::byte>(n));
}

void graph_writer::put(std::uint64_t n) { put_leb128(bytes_, n); }

void graph_writer::task(std::uint32_t layer, std::uint32_t index, bool wanted, bool taken, std::uint64_t rank) {
  put(std::uint64_t{layer} << 2 | std::uint64_t{taken} << 1 | std::uint64_t{wanted});
  put(fold(std::uint64_t{index} - next_index_[layer]));
  put(fold(rank - rank_));
  next_index_[layer] = index + 1;
  rank_ = rank;
  ++number_;
  ++tasks_;
}

void graph_reader::read(std::span<const std::byte>& bytes, graph_task& into, std::uint32_t most_inputs) {
  const std::uint64_t head = take(bytes, number_), layer = head >> 2;
  if (layer >= links_.size()) fail(number_, "is of a layer that it has not");
  into.layer = static_cast<std::uint32_t>(layer);
  into.wanted = head & 1;
  into.taken = head & 2;
  const std::uint64_t index = next_index_[layer] + unfold(take(bytes, number_));
  if (index > ~std::uint32_t{0} - 1) fail(number_, "has an index that no task has");
  into.index = static_cast<std::uint32_t>(index);
  next_index_[layer] = into.index + 1;
  into.rank = rank_ += unfold(take(bytes, number_));
  into.counts.clear();
  into.inputs.clear();
  for (std::uint32_t k = 0; k < links_[layer]; ++k) {
    const std::uint64_t count = take(bytes, number_);
    if (count > most_inputs - into.inputs.size()) fail(number_, "has more inputs than scheduler.most_inputs");
    into.counts.push_back(static_cast<std::uint32_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t said = take(bytes, number_);
      if (said == 0) {
        const std::uint64_t other = take(bytes, number_);
        if (other >= others_) fail(number_, "takes the value of another task that it has not named");
        into.inputs.push_back({0, static_cast<std::uint32_t>(other), false});
      } else {
        const std::uint64_t back = said >> 1;
        if (back == 0 || back > number_ - first_) fail(number_, "takes a value of none before it");
        into.inputs.push_back({number_ - back, 0, (said & 1) != 0});
      }
    }
  }
  ++number_;
}

}  // namespace weft::net

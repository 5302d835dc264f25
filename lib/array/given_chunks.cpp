// Arrays of chunks that tasks of a user's own have made.
#include "weft/detail/array/given_chunks.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::string text_of(std::span<const std::size_t> extents) {
  std::string all = "(";
  for (std::size_t a = 0; a < extents.size(); ++a) all += (a == 0 ? "" : ", ") + std::to_string(extents[a]);
  return all + ")";
}

std::string text_of(element e) {
  return e.type == dtype::other ? "elements of " + std::to_string(e.item) + " bytes"
                                : "elements of " + weft::to_string(e.type);
}

bool alike(element a, element b) noexcept { return a.type == b.type && a.item == b.item; }

/// `chunk (1, 0) of an array of shape (6, 10) was given`
std::string beginning(const given_place& p) {
  return "weft: chunk " + weft::to_string(p.chunk) + " of an array of shape " + weft::to_string(p.whole) +
         " was given ";
}

}  // namespace

void check_given_count(const grid& chunks, std::size_t given) {
  if (chunks.tasks() == given) return;
  throw misuse("weft: " + std::to_string(given) + " chunks for an array of shape " + weft::to_string(chunks.whole()) +
               " that is cut into " + std::to_string(chunks.tasks()) + ": give each one, row-major");
}

array_ref make_given(client c, element e, const grid& chunks, layer<block> tasks) {
  const std::size_t n = tasks.size();
  return make_layered(std::move(c), e, chunks, {},
                      recipe(n, [all = std::move(tasks)](std::span<const layer<block>>) { return all; }));
}

void check_elements(const block& x, element e, std::size_t rank) {
  if (!alike(x.of(), e))
    throw misuse("weft: a chunk that has " + text_of(x.of()) + " is looked at as one that has " + text_of(e));
  if (rank != dynamic_rank && x.extents().size() != rank)
    throw misuse("weft: a chunk of shape " + weft::to_string(x.extents()) + " is looked at as one of " +
                 std::to_string(rank) + (rank == 1 ? " axis" : " axes"));
}

void check_given(const given_place& p, std::span<const std::size_t> extents) {
  if (std::equal(extents.begin(), extents.end(), p.extents.begin(), p.extents.end(),
                 [](std::size_t a, std::int64_t b) { return a == static_cast<std::size_t>(b); }))
    return;
  throw misuse(beginning(p) + "one of shape " + text_of(extents) + ", where one of shape " +
               weft::to_string(p.extents) + " is needed");
}
void check_given(const given_place& p, element e, const block& x) {
  const std::vector<std::size_t> extents(x.extents().begin(), x.extents().end());
  check_given(p, extents);
  if (!alike(x.of(), e)) throw misuse(beginning(p) + text_of(x.of()) + ", where " + text_of(e) + " are needed");
}
void check_one_given(std::size_t values) { demand_given(values == 1, "other chunks than its own"); }

given_place place_given(const grid& chunks, std::size_t j) {
  demand_given(j < chunks.tasks(), "the number of a chunk that is not there");
  const coordinates at = place_of(j, chunks.counts(), chunks.rank);
  given_place p{chunks.whole(), weft::shape::of_rank(chunks.rank), chunks.chunk(at)};
  for (std::size_t a = 0; a < chunks.rank; ++a) p.chunk[a] = at[a];
  return p;
}
std::uint64_t bytes_of_given(const grid& chunks, std::size_t j, std::size_t item) noexcept {
  const box all = box::all_of(chunks);
  return bytes_of_chunk(chunks, all.first, all.counts, j, item);
}
std::string subject_of_given(const grid& chunks, std::size_t j) {
  const box all = box::all_of(chunks);
  return name_of_chunk(j, all.first, all.counts);
}

block copy_of(element e, const weft::shape& extents, const std::byte* from) {
  block made(e, extents);
  if (made.count() != 0) std::memcpy(made.bytes().data(), from, made.bytes().size());
  return made;
}
block copy_of(const block& x) { return copy_of(x.of(), x.extents(), x.bytes().data()); }

}  // namespace weft::detail::arrays

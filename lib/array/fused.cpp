// Tasks that read a chunk of a file and compute with it.
#include "array/fused.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "array/layered.hpp"

namespace weft::detail::arrays {

namespace {

std::size_t count_inputs(const program& p) noexcept {
  return static_cast<std::size_t>(
      std::count_if(p.loads.begin(), p.loads.end(), [](const load& l) { return l.input >= 0; }));
}

}  // namespace

task<block> run_fused(shared<fused_plan> what, std::optional<reduction> how, std::size_t j,
                      std::vector<values<block>> given) {
  const program& p = what->what;
  std::vector<values<block>> all(count_inputs(p));
  std::vector<block*> own(all.size());
  std::vector<block> made(what->own.size());
  if (given.size() + made.size() != all.size())
    throw std::logic_error("weft: a task of an array was given other inputs than its own");
  const std::size_t number = number_of(place_in_box(j, p.first, p.counts), p.domain.counts(), p.domain.rank);
  for (std::size_t k = 0; k < made.size(); ++k) {
    made[k] = co_await what->own[k].made_by->make(number);
    own[what->own[k].number] = &made[k];
  }
  for (std::size_t i = 0, k = 0; i < all.size(); ++i)
    if (!own[i]) all[i] = given[k++];
  co_return how ? reduce_chunk(p, *how, j, all, own) : evaluate_chunk(p, j, all, own);
}

std::string name_of_fused(const fused_plan& p, const code* then) {
  std::vector<std::string_view> operations;
  for (const fused_plan::input& i : p.own) i.made_by->describe(operations);
  for (const step& s : p.what.steps) s.what->describe(operations);
  if (then) then->describe(operations);
  return name_of_operations(operations);
}

std::uint64_t fused_task::result_bytes(std::size_t j) const noexcept {
  const program& p = what->what;
  std::uint64_t bytes = how ? bytes_of_reduced(p, *how, j) : bytes_of_chunk(p, j);
  for (const load& l : p.loads)
    for (const fused_plan::input& i : what->own)
      if (l.input == static_cast<std::int32_t>(i.number))
        bytes += bytes_of_chunk(p.domain, p.first, p.counts, j, l.of.item);
  return bytes;
}

layer<block> layer_of_fused(std::size_t n, const fused_task& f, std::span<const layer<block>> in,
                            std::span<const boxes> how) {
  return layer_with(n, f, in, how);
}

void weft_encode(encoder& e, const fused_plan& p) {
  weft::encode(e, p.what);
  e.put_count(p.own.size());
  for (const fused_plan::input& i : p.own) {
    e.put_count(i.number);
    weft::encode(e, i.made_by);
  }
}
fused_plan weft_decode(decoder& d, std::type_identity<fused_plan>) {
  fused_plan p{weft::decode<program>(d)};
  const std::size_t count = count_inputs(p.what);
  const std::uint64_t own = d.take_count("an array's program");
  if (own > count) d.fail("an array's program", "it makes more inputs than it has");
  for (std::uint64_t k = 0; k < own; ++k) {
    const std::uint64_t number = d.take_count("an array's program");
    if (number >= count || (k != 0 && number <= p.own.back().number))
      d.fail("an array's program", "it makes an input that it has not, or one twice");
    p.own.push_back({static_cast<std::uint32_t>(number), weft::decode<any_code<chunk_source>>(d)});
  }
  for (const load& l : p.what.loads)
    for (const fused_plan::input& i : p.own)
      if (l.input == static_cast<std::int32_t>(i.number) &&
          (!is_read_as_it_is(l, p.what.domain) || i.made_by->chunks() != p.what.domain))
        d.fail("an array's program", "it makes an input that has other chunks");
  return p;
}

}  // namespace weft::detail::arrays

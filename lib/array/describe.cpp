// The printed form of arrays.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "array/names.hpp"
#include "array/plan.hpp"
#include "weft/array/plan.hpp"

namespace weft::detail::arrays {

namespace {

/// `1.53 MiB`
std::string text_of_bytes(double bytes) {
  static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
  return text;
}

std::string counted(std::size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

std::string text_of_element(element e) {
  return e.type == dtype::other ? std::to_string(e.item) + " bytes each" : weft::to_string(e.type);
}

/// The layers behind that of a stage that are no other stage's, in the order in which they run, but for values that
/// are there already.
std::vector<const detail::layer_spec*> layers_within(const detail::layer_spec* last,
                                                     std::set<const detail::layer_spec*>& seen) {
  std::vector<const detail::layer_spec*> found;
  std::vector<std::pair<const detail::layer_spec*, std::size_t>> path;
  const auto enter = [&](const detail::layer_spec* s) {
    if (seen.insert(s).second) path.emplace_back(s, 0);
  };
  enter(last);
  while (!path.empty()) {
    auto& [s, next] = path.back();
    if (next < s->links.size()) {
      enter(&s->links[next++]->from());
      continue;
    }
    if (s->given.empty()) found.push_back(s);
    path.pop_back();
  }
  return found;
}

std::string name_of_stage(const stage& s, const detail::layer_spec& last) {
  if (s.node->kind == node_kind::layered) return last.function_name();
  std::vector<std::string_view> operations;
  for (const any_code<chunk_source>& own : s.own)
    if (own) own->describe(operations);
  for (const step& k : s.what.steps) k.what->describe(operations);
  if (s.node->kind == node_kind::reduction) static_cast<const reduction_node&>(*s.node).what->describe(operations);
  std::string name;
  for (const std::string_view o : operations) name += (name.empty() ? "" : ", ") + std::string(o);
  return name.empty() ? "copy" : name;
}

/// `1`, or `a view of 1`, where elements are at other places than in what reads them.
std::string name_of_source(const load& l, std::size_t number) {
  std::int32_t behind = -1;  // axes come in order, but for those along which all elements are the same
  bool as_it_is = true;
  for (std::uint32_t a = 0; a < l.map.rank; ++a) {
    const axis_map& m = l.map.axes[a];
    as_it_is =
        as_it_is && m.start == 0 && (m.axis < 0 ? l.source.axes[a].extent == 1 : m.step == 1 && m.axis > behind);
    behind = std::max(behind, m.axis);
  }
  return (as_it_is ? "" : "a view of ") + std::to_string(number);
}

/// `float64, shape (20) in chunks of (5), 160 bytes`, and what of it is made where that is not all.
std::string text_of_result(const array_node& n, const box& made) {
  double all = n.of.item, own = n.of.item;
  for (std::uint32_t a = 0; a < n.chunks.rank; ++a) {
    const cut& along = n.chunks.axes[a];
    all *= static_cast<double>(along.extent);
    own *= static_cast<double>(along.end(made.first[a] + made.counts[a] - 1) - along.first(made.first[a]));
  }
  std::string text = text_of_element(n.of) + ", shape " + to_string(n.chunks) + ", " + text_of_bytes(all);
  if (made.tasks() != n.chunks.tasks())
    text += ", of which " + counted(made.tasks(), "chunk") + ", " + text_of_bytes(own);
  return text;
}

/// `13 tasks (10 exp-mean, 2 mean-partial, 1 mean-aggregate)`
std::string text_of_tasks(std::size_t n, std::span<const detail::layer_spec* const> layers) {
  std::string each;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < layers.size();) {
    const std::string name = layers[i]->function_name();
    std::size_t of_name = 0;
    for (; i < layers.size() && layers[i]->function_name() == name; ++i) of_name += layers[i]->count;
    sum += of_name;
    each += (each.empty() ? "" : ", ") + std::to_string(of_name) + " " + name;
  }
  // A count is an upper bound where only some chunks are wanted.
  return counted(n, "task") + (layers.size() > 1 && sum == n ? " (" + each + ")" : "");
}

}  // namespace

std::string describe(const array_node& x) {
  double bytes = x.of.item;
  for (const std::int64_t n : x.chunks.whole()) bytes *= static_cast<double>(n);
  return "weft::array of " + text_of_element(x.of) + ", shape " + to_string(x.chunks) + ", " + text_of_bytes(bytes) +
         ": " + counted(x.chunks.tasks(), "chunk") + ", " + counted(count_tasks(x), "task");
}

std::string explain(std::span<const array_ref> xs) {
  std::string text;
  std::vector<const array_node*> wanted;
  for (const array_ref& x : xs) {
    common_client(xs.front()->owner, x->owner);
    text += describe(*x) + "\n";
    wanted.push_back(x.get());
  }
  const plan p(wanted);
  const std::vector<layer<block>> layers = layers_of(p);
  std::map<const vertex*, std::size_t> numbers, readers;
  for (const stage& s : p.stages())
    for (const vertex* source : std::set<const vertex*>(s.sources.begin(), s.sources.end())) ++readers[source];
  std::set<const detail::layer_spec*> seen;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const stage& s = p.stages()[i];
    numbers[s.made_for] = i + 1;
    const detail::layer_spec& last = *layers[i].get_spec();
    const std::vector<const detail::layer_spec*> own = layers_within(&last, seen);
    std::string from;
    const auto add_source = [&](const std::string& name) { from += (from.empty() ? " of " : " and ") + name; };
    if (s.node->kind == node_kind::layered)
      for (const vertex* source : s.sources) add_source(std::to_string(numbers.at(source)));
    for (const load& l : s.what.loads)
      if (l.input >= 0 && !s.makes(static_cast<std::size_t>(l.input)))
        add_source(name_of_source(l, numbers.at(s.sources[static_cast<std::size_t>(l.input)])));
    const bool is_there = s.node->kind == node_kind::stored;
    text += std::to_string(i + 1) + ". " + (is_there ? "persisted" : name_of_stage(s, last)) + from + ": " +
            text_of_result(*s.node, s.wanted);
    if (const std::size_t n = readers[s.made_for]; n > 1) text += ", kept for " + counted(n, "reader");
    text += is_there ? "\n" : "; " + text_of_tasks(tasks_of(s), own) + "\n";
  }
  return text;
}

}  // namespace weft::detail::arrays

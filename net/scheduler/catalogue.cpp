#include "scheduler/catalogue.hpp"

#include <algorithm>
#include <charconv>

#include "base/words.hpp"
#include "wire/batch.hpp"

namespace weft::net {
namespace {

std::string_view view(std::span<const char> text) { return {text.data(), text.size()}; }
std::vector<std::string> names_of(std::span<const char> list) {
  const std::vector<std::string_view> all = detail::words(view(list));
  return {all.begin(), all.end()};
}

void at_most(std::size_t n, std::size_t limit, const char* what, const char* option) {
  if (n >= limit)
    throw protocol_error("weft: more than " + std::to_string(limit) + " " + what + ": raise scheduler." + option);
}

}  // namespace

catalogue::catalogue(const scheduler_options& limits) : limits_(limits) {
  options_.emplace_back().references = 1;
  classes_.emplace_back().references = 1;
}

std::uint32_t catalogue::module_of(std::span<const std::byte> build_id, std::string_view name) {
  std::string key(reinterpret_cast<const char*>(build_id.data()), build_id.size());
  const auto found = module_index_.find(key);
  if (found != module_index_.end()) return found->second;
  at_most(modules_.size(), limits_.most_modules, "modules", "most_modules");
  const auto m = static_cast<std::uint32_t>(modules_.size());
  modules_.push_back({key, std::string(name)});
  module_index_.emplace(std::move(key), m);
  return m;
}

std::uint32_t catalogue::function_of(std::uint32_t in_module, std::uint64_t offset) {
  std::vector<std::uint32_t>& same = function_index_[offset];
  for (const std::uint32_t f : same)
    if (functions_[f].module == in_module) return f;
  at_most(functions_.size(), limits_.most_functions, "functions", "most_functions");
  const auto f = static_cast<std::uint32_t>(functions_.size());
  function& added = functions_.emplace_back();
  added.offset = offset;
  added.module = in_module;
  same.push_back(f);
  return f;
}

std::uint32_t catalogue::options_of(const define_options& m) {
  std::string key;
  const auto put = [&](const auto& n) { key.append(reinterpret_cast<const char*>(&n), sizeof n); };
  put(m.flags);
  put(m.time_limit_ns);
  put(m.expected_bytes);
  for (const auto part : {m.name, m.resources, m.workers, m.hosts}) {
    put(part.size());
    key.append(view(part));
  }
  const auto found = options_index_.find(key);
  if (found != options_index_.end()) {
    ++options_[found->second].references;
    return found->second;
  }
  if (free_options_.empty()) at_most(options_.size(), limits_.most_options, "sets of options", "most_options");
  const std::uint32_t c = class_of(m);
  std::uint32_t o;
  if (free_options_.empty()) {
    o = static_cast<std::uint32_t>(options_.size());
    options_.emplace_back();
  } else {
    o = free_options_.back();
    free_options_.pop_back();
  }
  const std::uint32_t generation = options_[o].generation + 1;
  options_[o] = {m.flags,
                 m.time_limit_ns,
                 m.expected_bytes,
                 std::string(view(m.name)),
                 std::string(view(m.resources)),
                 std::string(view(m.workers)),
                 std::string(view(m.hosts)),
                 c,
                 1,
                 generation};
  options_index_.emplace(std::move(key), o);
  ++classes_[c].references;
  return o;
}

void catalogue::drop(std::uint32_t o) {
  options& old = options_[o];
  if (--old.references != 0) return;
  std::string key;
  const auto put = [&](const auto& n) { key.append(reinterpret_cast<const char*>(&n), sizeof n); };
  put(old.flags);
  put(old.time_limit);
  put(old.expected_bytes);
  for (const std::string* part : {&old.name, &old.resources, &old.workers, &old.hosts}) {
    put(part->size());
    key += *part;
  }
  options_index_.erase(key);
  const std::uint32_t generation = old.generation, c = old.placement;
  old = {};
  old.generation = generation;
  free_options_.push_back(o);
  if (--classes_[c].references == 0) {
    class_index_.erase(classes_[c].key);
    classes_[c] = {};
    free_classes_.push_back(c);
  }
}

std::uint32_t catalogue::class_of(const define_options& m) {
  placement_class wanted;
  wanted.resources = parse_resources(view(m.resources));
  wanted.workers = names_of(m.workers);
  wanted.hosts = names_of(m.hosts);
  wanted.loose = m.flags & loose_restrictions;
  if (wanted.resources.empty() && !wanted.restricted()) return 0;
  wanted.key = wanted.loose ? "l" : "s";
  for (const auto& [r, n] : wanted.resources) wanted.key += " " + std::to_string(r) + "=" + std::to_string(n);
  for (const std::string& w : wanted.workers) wanted.key += "\nw" + w;
  for (const std::string& h : wanted.hosts) wanted.key += "\nh" + h;
  const auto found = class_index_.find(wanted.key);
  if (found != class_index_.end()) return found->second;
  if (free_classes_.empty()) at_most(classes_.size(), limits_.most_classes, "placement classes", "most_classes");
  std::uint32_t c;
  if (free_classes_.empty()) {
    c = static_cast<std::uint32_t>(classes_.size());
    classes_.emplace_back();
  } else {
    c = free_classes_.back();
    free_classes_.pop_back();
  }
  class_index_.emplace(wanted.key, c);
  classes_[c] = std::move(wanted);
  return c;
}

resource_amounts catalogue::parse_resources(std::string_view text) {
  resource_amounts all;
  for (const std::string_view word : detail::words(text)) {
    const std::size_t equals = word.find('=');
    double amount = 1;
    if (equals != std::string_view::npos) {
      const char* end = word.data() + word.size();
      const auto parsed = std::from_chars(word.data() + equals + 1, end, amount);
      if (parsed.ec != std::errc{} || parsed.ptr != end) amount = -1;
    }
    // Also false for what is no number.
    if (equals == 0 || !(amount >= 0 && amount <= 1e9))
      throw protocol_error("weft: resources are written `gpu=1 licence=0.5`, with amounts from 0 to 1e9; not \"" +
                           std::string(word.substr(0, 100)) + "\"");
    const std::string name(word.substr(0, equals));
    auto found = resource_index_.find(name);
    if (found == resource_index_.end()) {
      at_most(resource_names_.size(), limits_.most_resources, "resources", "most_resources");
      found = resource_index_.emplace(name, static_cast<std::uint32_t>(resource_names_.size())).first;
      resource_names_.push_back(name);
    }
    all.emplace_back(found->second, static_cast<std::int64_t>(amount * 1e6 + 0.5));
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i - 1].first == all[i].first)
      throw protocol_error("weft: the resource " + resource_names_[all[i].first] + " is named twice");
  return all;
}

}  // namespace weft::net

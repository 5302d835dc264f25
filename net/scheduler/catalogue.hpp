#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/options.hpp"

namespace weft::net {

/// An amount of each resource that is named, in millionths, so that sums are exact.
using resource_amounts = std::vector<std::pair<std::uint32_t, std::int64_t>>;

/// A set of restrictions and resources that tasks share: what decides which workers may have them.
struct placement_class {
  resource_amounts resources;
  std::vector<std::string> workers, hosts;  // a worker must be one of these, or on one of these hosts
  bool loose = false;                       // … if there is such a worker
  std::uint32_t references = 0;
  std::string key;
  bool restricted() const noexcept { return !workers.empty() || !hosts.empty(); }
};

/// What many tasks have in common, each once, whichever peer spoke of it: modules, functions with what was learnt of
/// them, options, placement classes. Numbers here are the scheduler's own; those of a session are translated.
class catalogue {
 public:
  struct module {
    std::string build_id, name;
  };
  /// A function, and statistics of its tasks (its group).
  struct function {
    std::uint64_t offset = 0;
    std::uint32_t module = 0;
    double run_time = 0, bytes = 0;  // moving averages, once there were runs
    std::uint64_t submitted = 0, done = 0, failed = 0, lost = 0;
    std::uint64_t total_time = 0, total_bytes = 0;  // ns and bytes of all runs
  };
  struct options {
    std::uint32_t flags = 0;
    time_ns time_limit = 0;
    std::uint64_t expected_bytes = 0;
    std::string name, resources, workers, hosts;
    std::uint32_t placement = 0;   // class
    std::uint32_t references = 0;  // tasks; graphs and submissions that wait; sessions whose table has it
    std::uint32_t generation = 0;  // grows when the number is used again
  };

  explicit catalogue(const scheduler_options& limits);

  /// Throws protocol_error at the limit.
  std::uint32_t module_of(std::span<const std::byte> build_id, std::string_view name);
  std::uint32_t function_of(std::uint32_t in_module, std::uint64_t offset);
  /// One reference is the caller's. Throws protocol_error for what is no list of resources, and at the limits.
  std::uint32_t options_of(const define_options& m);
  void hold(std::uint32_t o) noexcept { ++options_[o].references; }
  void drop(std::uint32_t o);

  /// `gpu=1 licence=0.5`; throws protocol_error.
  resource_amounts parse_resources(std::string_view text);

  const module& module_at(std::uint32_t m) const noexcept { return modules_[m]; }
  function& function_at(std::uint32_t f) noexcept { return functions_[f]; }
  const function& function_at(std::uint32_t f) const noexcept { return functions_[f]; }
  const options& options_at(std::uint32_t o) const noexcept { return options_[o]; }
  const placement_class& class_at(std::uint32_t c) const noexcept { return classes_[c]; }
  std::size_t functions() const noexcept { return functions_.size(); }
  std::size_t options_end() const noexcept { return options_.size(); }
  std::size_t classes() const noexcept { return classes_.size(); }
  std::size_t resources() const noexcept { return resource_names_.size(); }
  const std::string& resource_name(std::uint32_t r) const noexcept { return resource_names_[r]; }

 private:
  std::uint32_t class_of(const define_options& m);

  const scheduler_options& limits_;
  std::vector<module> modules_;
  std::vector<function> functions_;
  std::vector<options> options_;          // 0: none of this
  std::vector<placement_class> classes_;  // 0: any worker
  std::vector<std::string> resource_names_;
  std::vector<std::uint32_t> free_options_, free_classes_;
  // Looked up only, never walked.
  std::unordered_map<std::string, std::uint32_t> module_index_, options_index_, class_index_, resource_index_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> function_index_;
};

}  // namespace weft::net

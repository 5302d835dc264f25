#include "cluster/processes/shrink.hpp"

#include <cstdlib>

#include "cluster/processes/world.hpp"
#include "support/shrink.hpp"

namespace weft::net::processes {

namespace {

template <bool program_options::* Is>
constexpr auto program_does = test::program_does<plan, Is>;

bool has_narrow_links(const plan& p) {
  const session_options is = p.link.session, usual;
  return is.window_batches != usual.window_batches || is.full_bytes != usual.full_bytes ||
         is.frames.chunk != usual.frames.chunk;
}
bool fetches_little(const plan& p) { return p.limits.fetch.batch_values != fetch_limits().batch_values; }
bool has_slow_steps(const plan& p) { return p.longest_step.count() != 0; }
bool has_little_memory(const plan& p) { return p.memory < plan::much_memory; }

const test::plan_parts<plan> parts{
    {{"WEFT_TASKS", [](plan& p) -> std::uint32_t& { return p.program.tasks; }, 1},
     {"WEFT_CALLS", [](plan& p) -> std::uint32_t& { return p.program.calls; }, 0},
     {"WEFT_SLOTS", [](plan& p) -> std::uint32_t& { return p.program.slots; }, 1},
     {"WEFT_CLIENTS", [](plan& p) -> std::uint32_t& { return p.clients; }, 1},
     {"WEFT_WORKERS", [](plan& p) -> std::uint32_t& { return p.workers; }, 1}},
    {program_does<&program_options::failures>('f'),
     program_does<&program_options::submitters>('s'),
     program_does<&program_options::cancels>('c'),
     program_does<&program_options::layers>('l'),
     program_does<&program_options::deadlines>('d'),
     program_does<&program_options::replicas>('r'),
     {'m', has_little_memory, [](plan& p) { p.memory = plan::much_memory; }},
     {'n', has_narrow_links, [](plan& p) { p.link = {}; }},
     {'b', fetches_little, [](plan& p) { p.limits = {}; }},
     {'t', has_slow_steps, [](plan& p) { p.longest_step = {}; }}},
    {{"WEFT_CHANCE", [](plan& p) -> std::uint32_t& { return p.chance; }, 0}},
};

}  // namespace

plan shrink(const plan& failing) {
  return test::shrink(failing, parts, [](const plan& p) { return run(p).wrong; });
}

plan plan_from_environment(std::uint64_t seed) {
  plan p = test::plan_in_environment(plan_of(seed), parts);
  p.traced = std::getenv("WEFT_TRACE") != nullptr;
  return p;
}

bool environment_has_plan() { return std::getenv("WEFT_TRACE") || test::environment_has_plan(parts); }

std::string replay_command(const plan& whole, const plan& shrunk) {
  return "WEFT_SEED=" + std::to_string(whole.seed) + test::environment_of(whole, shrunk, parts) +
         " cluster_processes_test '[seeds]'";
}

}  // namespace weft::net::processes

#include "cluster/simulation/shrink.hpp"

#include <cstdlib>

#include "cluster/simulation/world.hpp"
#include "support/shrink.hpp"

namespace weft::net::simulation {

namespace {

template <bool program_options::* Is>
constexpr auto program_does = test::program_does<plan, Is>;

const test::plan_parts<plan> parts{
    {{"WEFT_TASKS", [](plan& p) -> std::uint32_t& { return p.tasks; }, 1},
     {"WEFT_CLIENTS", [](plan& p) -> std::uint32_t& { return p.clients; }, 1},
     {"WEFT_WORKERS", [](plan& p) -> std::uint32_t& { return p.workers; }, 1}},
    {program_does<&program_options::gpus>('g'), program_does<&program_options::failures>('f'),
     program_does<&program_options::killers>('k'), program_does<&program_options::submitters>('s'),
     program_does<&program_options::cancels>('c'), program_does<&program_options::onces>('o'),
     program_does<&program_options::scatters>('v')},
    {}};

}  // namespace

plan shrink(const plan& failing) {
  return test::shrink(failing, parts, [](const plan& p) { return run(p).wrong; });
}

plan plan_from_environment(std::uint64_t seed, world_size size) {
  plan p = test::plan_in_environment(plan_of(seed, size), parts);
  p.traced = std::getenv("WEFT_TRACE") != nullptr;
  return p;
}

std::string replay_command(const plan& whole, const plan& shrunk, world_size size) {
  return "WEFT_SEED=" + std::to_string(whole.seed) + test::environment_of(whole, shrunk, parts) +
         " cluster_simulation_test '[" + (size == world_size::small ? "small" : "large") + "]'";
}

}  // namespace weft::net::simulation

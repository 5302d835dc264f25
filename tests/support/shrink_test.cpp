// Plans that fail by what is known are made as small as can be, and run again from the environment.
#include "support/shrink.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

namespace {

using namespace weft::test;

struct plan {
  std::vector<int> faults;
  std::uint32_t tasks = 0, chance = 0;
  bool slow = false, loud = false;
  bool operator==(const plan&) const = default;
};

const plan_parts<plan> parts{
    {{"WEFT_TASKS", [](plan& p) -> std::uint32_t& { return p.tasks; }, 1}},
    {{'s', [](const plan& p) { return p.slow; }, [](plan& p) { p.slow = false; }},
     {'l', [](const plan& p) { return p.loud; }, [](plan& p) { p.loud = false; }}},
    {{"WEFT_CHANCE", [](plan& p) -> std::uint32_t& { return p.chance; }, 0}},
};

plan whole() {
  plan p;
  for (int i = 0; i < 20; ++i) p.faults.push_back(100 + i);
  p.tasks = 1'000;
  p.slow = p.loud = true;
  return p;
}

bool has(const plan& p, int fault) { return std::find(p.faults.begin(), p.faults.end(), fault) != p.faults.end(); }

/// Sets variables, and takes them back.
class environment {
 public:
  explicit environment(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = at + 1, is = text.find('=', begin), end = std::min(text.find(' ', is), text.size());
      names_.push_back(text.substr(begin, is - begin));
      ::setenv(names_.back().c_str(), text.substr(is + 1, end - is - 1).c_str(), 1);
      at = end;
    }
  }
  ~environment() {
    for (const std::string& n : names_) ::unsetenv(n.c_str());
  }

 private:
  std::vector<std::string> names_;
};

TEST_CASE("a plan that fails shrinks to what it fails by", "[shrink]") {
  unsigned runs = 0;
  const auto run = [&](const plan& p) -> std::string {
    ++runs;
    return has(p, 103) && has(p, 117) && p.tasks >= 37 && p.loud ? "task " + std::to_string(p.tasks) + " is wrong"
                                                                 : "";
  };
  const plan small = shrink(whole(), parts, run);
  CHECK(small == plan{{103, 117}, 37, 0, false, true});
  CHECK(runs < 200);
  const std::string variables = environment_of(whole(), small, parts);
  CHECK(variables == " WEFT_FAULTS=3,17 WEFT_TASKS=37 WEFT_WITHOUT=s");
  CHECK_FALSE(environment_has_plan(parts));
  const environment set(variables);
  CHECK(environment_has_plan(parts));
  CHECK(plan_in_environment(whole(), parts) == small);
}

TEST_CASE("a plan that fails by itself loses all", "[shrink]") {
  const plan small = shrink(whole(), parts, [](const plan&) { return "always"; });
  CHECK(small == plan{{}, 1, 0, false, false});
  const environment set(environment_of(whole(), small, parts));
  CHECK(plan_in_environment(whole(), parts) == small);
}

TEST_CASE("shrinking does not end at another failure", "[shrink]") {
  const plan small = shrink(whole(), parts, [](const plan& p) { return p.tasks > 10 ? "many" : "few"; });
  CHECK(small.tasks == 11);
}

TEST_CASE("a failure that needs its chance is looked for with others", "[shrink]") {
  // Whatever is taken away, it fails one time of three.
  const auto run = [](const plan& p) {
    const std::size_t n = p.faults.size() + p.tasks + p.slow + p.loud + p.chance;
    return n % 3 == 1022 % 3 ? "now and then" : "";
  };
  const plan small = shrink(whole(), parts, run);
  CHECK(small.faults.empty());
  CHECK(small.tasks == 1);
  CHECK_FALSE(small.loud);
  CHECK_FALSE(std::string(run(small)).empty());
}

TEST_CASE("shrinking ends by its limits, at something that fails", "[shrink]") {
  unsigned runs = 0;
  const auto run = [&](const plan& p) -> std::string { return ++runs, p.tasks >= 500 ? "it fails" : ""; };
  shrink_limits limits;
  SECTION("of runs") {
    limits.runs = 3;
    CHECK(shrink(whole(), parts, run, limits).tasks >= 500);
    CHECK(runs == 4);  // and the first
  }
  SECTION("of time") {
    limits.time = std::chrono::seconds(-1);
    CHECK(shrink(whole(), parts, run, limits) == whole());
    CHECK(runs == 1);
  }
}

TEST_CASE("what does not fail stays as it is", "[shrink]") {
  CHECK(shrink(whole(), parts, [](const plan&) { return ""; }) == whole());
}

}  // namespace

#include "env/child.hpp"

#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

using weft::detail::child_process;

TEST_CASE("a child says how it has ended") {
  CHECK(child_process::start({.command = {"true"}, .environment = {}, .output = {}, .with_terminal = false}).wait() ==
        0);
  CHECK(child_process::start(
            {.command = {"sh", "-c", "exit 7"}, .environment = {}, .output = {}, .with_terminal = false})
            .wait() == 7);
  child_process c = child_process::start(
      {.command = {"cat", "/dev/zero"}, .environment = {}, .output = "/dev/null", .with_terminal = false});
  CHECK_FALSE(c.status());
  c.signal(SIGTERM);
  CHECK(c.wait() == 128 + SIGTERM);
  CHECK(c.status() == 128 + SIGTERM);
  c.signal(SIGTERM);  // nobody is there any more
}

TEST_CASE("a child has settings and output of its own") {
  const std::string file = "child_test." + std::to_string(::getpid());
  std::remove(file.c_str());
  child_process c = child_process::start({.command = {"sh", "-c", "echo $WEFT_CHILD_TEST; echo to stderr >&2"},
                                          .environment = {"WEFT_CHILD_TEST=a word"},
                                          .output = file,
                                          .with_terminal = false});
  CHECK(c.wait() == 0);
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CHECK(text == "a word\nto stderr\n");
  std::remove(file.c_str());
}

TEST_CASE("what cannot be started is named") {
  try {
    child_process::start({.command = {"/no/such/program"}, .environment = {}, .output = {}, .with_terminal = false});
    FAIL("it was started");
  } catch (const std::system_error& e) { CHECK_THAT(e.what(), Catch::Contains("/no/such/program")); }
}

TEST_CASE("a child does not outlive its holder") {
  int id = 0;
  {
    const child_process c = child_process::start(
        {.command = {"cat", "/dev/zero"}, .environment = {}, .output = "/dev/null", .with_terminal = false});
    id = c.id();
    CHECK(::kill(id, 0) == 0);
  }
  CHECK(::kill(id, 0) != 0);
}

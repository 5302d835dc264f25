// Lists of names.
#include "base/words.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "weft/errors.hpp"

using namespace weft::detail;
using list = std::vector<std::string_view>;

TEST_CASE("a list has words, with blanks wherever", "[base]") {
  CHECK(words("").empty());
  CHECK(words(" \t\r\n ").empty());
  CHECK(words("alice") == list{"alice"});
  CHECK(words("  alice\tbob\n carol ") == list{"alice", "bob", "carol"});
  CHECK(words("bob alice bob") == list{"bob", "alice", "bob"});
  CHECK(words("tls://a:1 ä,b\vc") == list{"tls://a:1", "ä,b\vc"});
}

TEST_CASE("a list of names has its limit", "[base]") {
  check_list("x", std::string(most_list, 'a'));
  CHECK_THROWS_WITH(
      check_list("task_options.hosts", std::string(20'000, 'a')),
      "weft: task_options.hosts has 20000 characters; a list of names may have 16384: name some at a time");
  CHECK_THROWS_AS(check_list("x", std::string(most_list + 1, 'a')), weft::misuse);
}

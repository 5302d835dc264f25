// Which link of a giver is asked, which answers count, and what is told of it.
#include "worker/givers.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "wire/batch.hpp"

namespace {

using namespace weft::net;
using strings = std::vector<std::string>;

constexpr peer_id giver = giver_of(7);

struct table : givers {
  claim_number claim(std::uint64_t secret, peer_id submitter = 7) { return claimed({secret, submitter, 0}); }
  /// - for away, + for there.
  strings told() {
    strings all;
    while (const auto w = take_word())
      all.push_back(std::string(w->interrupted ? "-" : "") + (w->there ? "+" : "") +
                    std::to_string(submitter_of(make_task_id(w->giver, 0))));
    return all;
  }
};

}  // namespace

TEST_CASE("a giver is asked on its youngest link that shows the secret", "[givers]") {
  table t;
  CHECK(t.ask(giver, 1, 1) == 0);  // nobody is awaited
  CHECK(t.told().empty());
  const auto first = t.claim(77);
  t.claim(78);
  t.claim(77, 8);
  CHECK(t.told().empty());
  t.await(giver, 77);
  CHECK(t.told() == strings{"+7"});
  CHECK(t.ask(giver, 1, 1) == first);
  const auto second = t.claim(77);
  CHECK(t.told() == strings{"-+7"});  // what was asked on the first is asked anew
  CHECK(t.ask(giver, 2, 1) == second);
  t.ended(first);
  CHECK(t.told().empty());
  const auto third = t.claim(77);
  t.ended(third);
  CHECK(t.told() == strings{"-+7"});
  CHECK(t.ask(giver, 3, 1) == second);
  t.ended(second);
  CHECK(t.told() == strings{"-7"});
  CHECK(t.ask(giver, 4, 1) == 0);
  CHECK(t.told() == strings{"-7"});
  t.forget(giver);
  t.claim(77);
  CHECK(t.told().empty());
  t.await(giver, 79);
  CHECK_FALSE(t.has_words());
}

TEST_CASE("a link that is over takes nothing from one that has come meanwhile", "[givers]") {
  table t;
  t.await(giver, 77);
  const auto old = t.claim(77);
  REQUIRE(t.ask(giver, 1, 1) == old);
  const auto young = t.claim(77);
  t.told();
  t.not_asked(giver, old);  // who asked has seen its end only now
  t.ended(old);
  CHECK(t.told().empty());
  CHECK(t.ask(giver, 2, 1) == young);
  // And before its end is told it is not taken for one that could be asked.
  t.not_asked(giver, young);
  CHECK(t.told() == strings{"-7"});
  CHECK(t.ask(giver, 3, 1) == 0);
  t.told();
  t.ended(young);
  CHECK(t.told().empty());
}

TEST_CASE("the last word of a giver is right, however many changes it is of", "[givers]") {
  table t;
  t.await(giver, 77);
  const auto link = t.claim(77);
  t.set_away(link, true);
  CHECK(t.told() == strings{"-7"});
  t.set_away(link, false);
  t.set_away(link, true);
  t.set_away(link, false);
  CHECK(t.told() == strings{"-+7"});
  t.set_away(link, true);
  t.forget(giver);
  CHECK_FALSE(t.has_words());
  t.await(giver, 77);  // its link is broken still
  CHECK(t.told() == strings{"7"});
  t.set_away(link, false);
  CHECK(t.told() == strings{"+7"});
}

TEST_CASE("an answer counts where it was asked for", "[givers]") {
  table t;
  t.await(giver, 77);
  const auto liar = t.claim(78), old = t.claim(77);
  t.ask(giver, 1, 2);
  CHECK_THROWS_AS(t.answers(liar, 1), protocol_error);
  CHECK_THROWS_AS(t.answers(old, 2), protocol_error);
  CHECK(t.answers(old, 1));
  CHECK(t.answers(old, 1));
  CHECK_THROWS_AS(t.answers(old, 1), protocol_error);  // two values were asked for
  // Where it is asked anew the first answer does not count any more, and nobody is blamed for it.
  t.ask(giver, 3, 1);
  const auto young = t.claim(77);
  t.ask(giver, 4, 1);
  CHECK_FALSE(t.answers(old, 3));
  CHECK(t.answers(young, 4));
  t.ask(giver, 5, 1);
  t.forget(giver);
  CHECK_FALSE(t.answers(young, 5));
  t.ended(young);
  CHECK_FALSE(t.answers(young, 5));
}

TEST_CASE("a request that is stopped has no more answers", "[givers]") {
  table t;
  CHECK(t.link_of(giver) == 0);
  t.await(giver, 77);
  CHECK(t.link_of(giver) == 0);
  const auto old = t.claim(77);
  CHECK(t.link_of(giver) == old);
  t.ask(giver, 1, 2);
  t.ask(giver, 2, 1);
  CHECK(t.answers(old, 1));
  t.stopped(old, 1);
  CHECK_THROWS_AS(t.answers(old, 1), protocol_error);
  CHECK(t.answers(old, 2));
  t.stopped(old, 2);  // it has been answered
  t.stopped(old, 3);  // nobody has asked
  const auto young = t.claim(77);
  CHECK(t.link_of(giver) == young);
}

TEST_CASE("an answer to what was asked before a break does not count", "[givers]") {
  table t;
  t.await(giver, 77);
  const auto link = t.claim(77);
  t.ask(giver, 1, 3);
  CHECK(t.answers(link, 1));
  t.set_away(link, true);
  t.ask(giver, 2, 1);  // it goes out when the connection is there again
  t.set_away(link, false);
  t.ask(giver, 3, 1);
  // The session brings them all, whether or not anybody has heard of the break.
  CHECK_FALSE(t.answers(link, 1));
  CHECK(t.answers(link, 2));
  CHECK(t.answers(link, 3));
  CHECK_FALSE(t.answers(link, 1));
  CHECK_THROWS_AS(t.answers(link, 1), protocol_error);
}

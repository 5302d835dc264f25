// What arrays send: programs and chunks.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <vector>

#include "array/arrays.hpp"
#include "array/boxes.hpp"
#include "array/fused.hpp"
#include "array/halves.hpp"
#include "array/nodes.hpp"
#include "array/npy_array.hpp"
#include "array/program.hpp"
#include "array/tasks.hpp"

TEST_CASE("a program that bytes have damaged is refused, or reads its inputs alone") {
  using namespace weft::detail::arrays;
  program p;
  p.domain = make_grid({6, 4}, {3, 4}, 1000, 8);
  p.first = {0, 0};
  p.counts = {2, 1};
  p.loads.push_back({0, element_of<double>, {}, p.domain});
  p.loads[0].map.rank = 2;
  p.loads[0].map.axes[0] = {0, 5, -1};
  p.loads[0].map.axes[1] = {1, 0, 1};
  p.of = element_of<double>;
  const std::vector<std::byte> good = weft::to_bytes(p);
  CHECK(weft::from_bytes<program>(good).loads.size() == 1);
  std::size_t refused = 0, accepted = 0;
  for (std::size_t i = 8; i < good.size(); ++i)
    for (const unsigned bit : {0u, 3u, 7u}) {
      std::vector<std::byte> bad = good;
      bad[i] ^= std::byte{1} << bit;
      program damaged;
      try {
        damaged = weft::from_bytes<program>(bad);
      } catch (const weft::codec_error&) {
        ++refused;
        continue;
      }
      ++accepted;
      CHECK_THROWS_AS(evaluate_chunk(damaged, 0, {}), std::logic_error);  // it has no chunks to read
    }
  CHECK(refused > accepted);
  const auto fails = [&](auto change) {
    program bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<program>(weft::to_bytes(bad)), weft::codec_error);
  };
  fails([](program& b) { b.loads[0].map.axes[0].start = 6; });
  fails([](program& b) { b.loads[0].map.axes[0].step = -2; });
  fails([](program& b) { b.loads[0].map.axes[1].axis = 2; });
  fails([](program& b) { b.loads[0].input = 1; });
  fails([](program& b) { b.result = 1; });
  fails([](program& b) { b.result = -1; });
  fails([](program& b) { b.counts = {3, 1}; });
  fails([](program& b) { b.of.item = 4; });
}

TEST_CASE("a program whose kernels take other elements than they are given is refused") {
  using namespace weft::detail::arrays;
  using root = tree_kernel<call<square_root, input<0>>, double>;
  program p;
  p.domain = make_grid({6}, {3}, 1000, 8);
  p.first = {0};
  p.counts = {2};
  p.loads.push_back({0, element_of<double>, {}, p.domain});
  p.loads[0].map.rank = 1;
  p.loads[0].map.axes[0] = {0, 0, 1};
  p.steps.push_back({any_code<kernel>(std::make_shared<const root>(call<square_root, input<0>>{})), {0}, 8});
  p.result = -1;
  p.of = element_of<double>;
  CHECK(weft::from_bytes<program>(weft::to_bytes(p)).steps.size() == 1);
  const auto refuses = [&](auto change) {
    program bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<program>(weft::to_bytes(bad)), weft::codec_error);
  };
  refuses([](program& b) { b.loads[0].of = element_of<float>; });
  refuses([](program& b) { b.steps[0].arguments = {}; });
  refuses([](program& b) { b.steps[0].arguments = {0, 0}; });
  refuses([](program& b) {
    b.steps[0].item = 4;
    b.of = element_of<float>;
  });
  refuses([](program& b) { b.loads[0].of = {weft::dtype::f64, 4}; });
  // A reduction of other elements than there are.
  const reduction sums{any_code<reducer>(std::make_shared<const reducer_code<sum_of<float>, float>>(sum_of<float>{})),
                       1, true, false, element_of<float>};
  CHECK_THROWS_AS(combine(sums, {}), std::logic_error);
  program whole = p;
  whole.loads = {{-1, element_of<std::int64_t>, identity_map(1), whole.domain, 0, {1}}};
  whole.steps = {};
  whole.result = 0;
  whole.of = element_of<std::int64_t>;
  CHECK_THROWS_WITH(reduce_chunk(whole, sums, 0, {}), Catch::Contains("elements that its reduction does not take"));
}

TEST_CASE("a program that makes its inputs itself travels, and is refused where it has no such inputs") {
  using namespace weft::detail::arrays;
  using reads = source_of<read_npy_task>;
  const grid g = make_grid({6}, {4}, 1000, 8);
  npy_place where{"none.npy", g};
  where.of = element_of<double>;
  fused_plan p{
      {g, {0}, {2}, {{0, where.of, identity_map(1), g}, {1, where.of, identity_map(1), g}}, {}, 1, where.of}};
  p.own = {{1, reads::code_of(where)}};
  const auto travelled = [](const fused_plan& f) { return weft::from_bytes<fused_plan>(weft::to_bytes(f)); };
  CHECK(travelled(p).own.front().number == 1);
  CHECK(name_of_fused(travelled(p), nullptr) == "read-file");
  const auto refuses = [&](auto change, const char* why) {
    fused_plan bad = p;
    change(bad);
    CHECK_THROWS_WITH(travelled(bad), Catch::Contains(why));
  };
  refuses([](fused_plan& f) { f.own[0].number = 2; }, "an input that it has not");
  refuses([](fused_plan& f) { f.own = {f.own[0], f.own[0]}; }, "or one twice");
  refuses([](fused_plan& f) { f.own.resize(3, f.own[0]); }, "more inputs than it has");
  refuses([&](fused_plan& f) { f.own[0].made_by = reads::code_of({"none.npy", make_grid({6}, {2}, 1000, 8)}); },
          "an array's file");  // with elements that are no numbers
  refuses(
      [&](fused_plan& f) {
        npy_place other = where;
        other.chunks = make_grid({6}, {2}, 1000, 8);
        f.own[0].made_by = reads::code_of(other);
      },
      "has other chunks");
  refuses([](fused_plan& f) { f.what.loads[1].source = make_grid({6}, {3}, 1000, 8); }, "has other chunks");
}

TEST_CASE("what tasks take travels, and is refused where it is damaged") {
  using namespace weft::detail::arrays;
  box groups;
  const boxes some = grouped(box{{0, 0}, {7, 5}}, {3, 2}, groups);
  needs_table t;
  for (std::int64_t i = 0; i < 4; ++i) t.add({{i, i + 1}, {0, 2}}, box{{0, 0}, {5, 3}});
  const in_each_line lines{shared<needs_table>(t), 15, 4};
  const auto same = [](const auto& a, const auto& b, std::size_t tasks) {
    for (std::size_t j = 0; j < tasks; ++j) {
      const weft::intervals x = a.of(j), y = b.of(j);
      REQUIRE(x.size() == y.size());
      for (std::size_t k = 0; k < x.size(); ++k) CHECK((x[k].first == y[k].first && x[k].last == y[k].last));
    }
  };
  same(some, weft::from_bytes<boxes>(weft::to_bytes(some)), groups.tasks());
  same(needs{shared<needs_table>(t)}, weft::from_bytes<needs>(weft::to_bytes(needs{shared<needs_table>(t)})), 4);
  same(lines, weft::from_bytes<in_each_line>(weft::to_bytes(lines)), 12);
  const auto damage = [](const auto& good_one) {
    using type = std::remove_cvref_t<decltype(good_one)>;
    const std::vector<std::byte> good = weft::to_bytes(good_one);
    std::size_t refused = 0;
    for (std::size_t i = 8; i < good.size(); ++i)
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::vector<std::byte> bad = good;
        bad[i] ^= std::byte{1} << bit;
        try {
          const type damaged = weft::from_bytes<type>(bad);
          for (std::size_t j = 0; j < 100; ++j)
            for (const weft::interval& in : damaged.of(j)) CHECK(in.first <= in.last);
        } catch (const weft::codec_error&) { ++refused; }
      }
    CHECK(refused > good.size());
  };
  damage(some);
  damage(needs{shared<needs_table>(t)});
  damage(lines);
}

TEST_CASE("bools that bytes have damaged are bools all the same") {
  using namespace weft::detail::arrays;
  for (const std::size_t n : {std::size_t{6}, std::size_t{1} << 20}) {
    block b(element_of<bool>, {n});
    for (std::size_t i = 0; i < n; ++i) b.bytes()[i] = static_cast<std::byte>(i);
    const auto is_right = [n](const block& x) {
      bool right = x.bytes().size() == n;
      for (std::size_t i = 0; right && i < n; ++i) right = x.bytes()[i] == std::byte{i % 256 != 0};
      return right;
    };
    CHECK(is_right(weft::from_bytes<block>(weft::to_bytes(b))));
    // Beside the message, and later than it.
    weft::encoder e;
    weft::encode(e, b);
    weft::decoder now(e.message(), e.attachments());
    CHECK(is_right(weft::decode<block>(now)));
    weft::decoder later(e.message(), weft::deferred_attachments(e.attachments().empty() ? 0 : n));
    block received = weft::decode<block>(later);
    for (std::size_t i = 0; i < later.destinations().size(); ++i)
      std::copy(e.attachments()[i].begin(), e.attachments()[i].end(), later.destinations()[i].begin());
    weft_received(received);
    CHECK(is_right(received));
  }
}

TEST_CASE("accumulators of bools that bytes have damaged give bools all the same") {
  using namespace weft::detail::arrays;
  // Each byte of an accumulator may be anything; what is made of it is 0 or 1.
  const auto results = []<class R>(R how, std::initializer_list<std::uint8_t> damaged) {
    const reducer_code<R, bool> code(how);
    using accumulator = typename R::accumulator;
    std::vector<std::uint8_t> made;
    for (const std::uint8_t byte : damaged) {
      accumulator a = how.start(), b;
      std::memset(&b, byte, sizeof b);
      std::uint8_t out[2] = {7, 7};
      code.finish(reinterpret_cast<std::byte*>(out), reinterpret_cast<const std::byte*>(&b), 1);
      code.merge(reinterpret_cast<std::byte*>(&a), reinterpret_cast<const std::byte*>(&b), 1);
      code.finish(reinterpret_cast<std::byte*>(out + 1), reinterpret_cast<const std::byte*>(&a), 1);
      made.insert(made.end(), out, out + 2);
    }
    return made;
  };
  const std::vector<std::uint8_t> truths{0, 0, 1, 1, 1, 1, 1, 1};
  CHECK(results(truth_of<bool, true>(), {0, 1, 2, 255}) == truths);
  CHECK(results(truth_of<bool, false>(), {0, 1, 2, 255}) == truths);
  CHECK(results(extreme_of<bool, true>(), {0, 1, 2, 255}) == truths);
  CHECK(results(extreme_of<bool, false>(), {0, 1, 2, 255}) == truths);
  CHECK(results(nan_extreme_of<bool, true>(), {1, 2, 255}) == std::vector<std::uint8_t>(6, 1));
  // Elements with their places, and with their counts.
  static_assert(!std::is_same_v<decltype(placed<bool>::value), bool>);
  static_assert(!std::is_same_v<decltype(counted<bool>::value), bool>);
  arrays::place at;
  const auto x =
      weft::from_function<1>(at.client, {50}, [](std::int64_t i) { return arrays::noise(i) > 0.2; }, {.chunk = {7}});
  const xt::xtensor<bool, 1> whole = at(x);
  const xt::xtensor<std::int64_t, 1> order = at(weft::argsort(x));
  for (std::size_t i = 1; i < 50; ++i) {
    const auto a = static_cast<std::size_t>(order(i - 1)), b = static_cast<std::size_t>(order(i));
    CHECK((whole(a) < whole(b) || (whole(a) == whole(b) && a < b)));
  }
  const auto u = at.pool.run(weft::unique(x));
  CHECK((u.values == xt::xtensor<bool, 1>{false, true}));
  CHECK(u.counts(0) + u.counts(1) == 50);
  CHECK(at(weft::argmax(x)) ==
        static_cast<std::int64_t>(std::find(whole.begin(), whole.end(), true) - whole.begin()));
}

TEST_CASE("chunks travel, and damaged ones are refused") {
  using namespace weft::detail::arrays;
  block b(element_of<float>, {3, 2});
  for (std::size_t i = 0; i < 6; ++i) b.data<float>()[i] = static_cast<float>(i);
  const std::vector<std::byte> bytes = weft::to_bytes(b);
  const block again = weft::from_bytes<block>(bytes);
  CHECK((again.extents() == weft::shape{3, 2}));
  CHECK(again.of().type == weft::dtype::f32);
  CHECK(again.data<float>()[5] == 5);
  for (std::size_t i = 8; i < 13; ++i) {
    std::vector<std::byte> bad = bytes;
    bad[i] = std::byte{0xff};
    CHECK_THROWS_AS(weft::from_bytes<block>(bad), weft::codec_error);
  }
  CHECK_THROWS_AS(weft::from_bytes<block>(std::span(bytes).first(bytes.size() - 1)), weft::codec_error);
}

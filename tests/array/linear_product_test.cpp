// Products of arrays, beside loops.
#include <catch2/catch.hpp>

#include "array/linear_kernel.hpp"
#include "array/matrices.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;
using arrays::product_of;
using arrays::whole_numbers;

namespace {

template <class T>
void check_product(place& at, std::int64_t m, std::int64_t k, std::int64_t n, weft::shape left, weft::shape right) {
  CAPTURE(m, k, n, weft::to_string(left), weft::to_string(right));
  const auto a = whole_numbers<T, 2>(at.client, {m, k}, left, 1);
  const auto b = whole_numbers<T, 2>(at.client, {k, n}, right, 2);
  const xt::xtensor<T, 2> expected = product_of<T>(at(a), at(b));
  CHECK((at(weft::matmul(a, b)) == expected));
  CHECK((at(weft::transpose(weft::matmul(weft::transpose(b), weft::transpose(a)))) == expected));
}

}  // namespace

TEST_CASE("products of matrices are what loops give, in all chunks") {
  weft::blas_threads(1);
  place at;
  std::mt19937 random(7);
  const auto upto = [&](int n) { return std::int64_t(1 + random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 30; ++round) {
    const std::int64_t m = upto(40), k = upto(40), n = upto(40);
    check_product<double>(at, m, k, n, {upto(40), upto(40)}, {upto(40), upto(40)});
  }
  check_product<float>(at, 30, 21, 17, {7, 5}, {4, 6});
  check_product<std::complex<double>>(at, 30, 21, 17, {7, 5}, {4, 6});
  check_product<std::complex<float>>(at, 9, 21, 17, {7, 5}, {5, 6});
  check_product<std::int32_t>(at, 30, 21, 17, {7, 5}, {4, 6});
  check_product<std::int8_t>(at, 30, 21, 17, {7, 5}, {4, 6});
  check_product<std::uint16_t>(at, 30, 21, 17, {7, 5}, {4, 6});
  check_product<std::int64_t>(at, 5, 100, 1, {5, 3}, {7, 1});
}

TEST_CASE("vectors, numbers and types in products") {
  place at;
  const auto a = whole_numbers<double, 2>(at.client, {13, 8}, {4, 3});
  const auto x = whole_numbers<double, 1>(at.client, {8}, {5});
  const auto y = whole_numbers<double, 1>(at.client, {13}, {6});
  const xt::xtensor<double, 2> whole = at(a);
  const xt::xtensor<double, 1> xs = at(x), ys = at(y);
  const xt::xtensor<double, 1> ax = at(weft::matmul(a, x)), ya = at(weft::dot(y, a));
  REQUIRE(ax.size() == 13);
  REQUIRE(ya.size() == 8);
  for (std::size_t i = 0; i < 13; ++i) {
    double s = 0;
    for (std::size_t k = 0; k < 8; ++k) s += whole(i, k) * xs(k);
    CHECK(ax(i) == s);
  }
  for (std::size_t k = 0; k < 8; ++k) {
    double s = 0;
    for (std::size_t i = 0; i < 13; ++i) s += whole(i, k) * ys(i);
    CHECK(ya(k) == s);
  }
  double square = 0;
  for (const double v : xs) square += v * v;
  const double found = at(weft::dot(x, x));
  CHECK(found == square);
  const xt::xtensor<double, 2> table = at(weft::outer(y, x));
  for (std::size_t i = 0; i < 13; ++i)
    for (std::size_t k = 0; k < 8; ++k) CHECK(table(i, k) == ys(i) * xs(k));
  // Types are promoted, expressions are operands, and slices and steps are seen through.
  const auto whole_product = weft::matmul(weft::astype<std::int32_t>(a), weft::astype<float>(x));
  STATIC_REQUIRE(std::is_same_v<decltype(whole_product), const weft::array<double, 1>>);
  CHECK((at(whole_product) == ax));
  const auto part = weft::matmul(a(weft::slice(1), weft::slice(7, 1, -2)) + 1.0, x(weft::slice(0, 3)));
  const xt::xtensor<double, 1> parts = at(part);
  REQUIRE(parts.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    double s = 0;
    for (std::size_t k = 0; k < 3; ++k) s += (whole(i + 1, 7 - 2 * k) + 1) * xs(k);
    CHECK(parts(i) == s);
  }
  const auto true_pairs = weft::matmul(a > 5.0, weft::transpose(a > 5.0));
  const xt::xtensor<bool, 2> met = at(true_pairs);
  for (std::size_t i = 0; i < 13; ++i)
    for (std::size_t j = 0; j < 13; ++j) {
      bool any = false;
      for (std::size_t k = 0; k < 8; ++k) any = any || (whole(i, k) > 5 && whole(j, k) > 5);
      CHECK(met(i, j) == any);
    }
  CHECK(list_of(at(weft::matmul(weft::zeros<double, 2>(at.client, {3, 0}),
                                weft::zeros<double, 2>(at.client, {0, 2})))) == std::vector<double>(6, 0));
  CHECK(
      at(weft::matmul(weft::zeros<double, 2>(at.client, {0, 3}), weft::zeros<double, 2>(at.client, {3, 2}))).size() ==
      0);
}

TEST_CASE("subscripts that the compiler knows say the rank") {
  using weft::detail::arrays::subscripts_fault;
  const auto rank = [](std::string_view text, auto... ranks) {
    return weft::detail::arrays::rank_of_subscripts(
        text, std::array<std::size_t, sizeof...(ranks)>{static_cast<std::size_t>(ranks)...}, weft::dynamic_rank);
  };
  CHECK(rank("ij,jk->ik", 2, 2).rank == 2);
  CHECK(rank("ij, jk", 2, 2).rank == 2);
  CHECK(rank("ii", 2).rank == 0);
  CHECK(rank("ba", 2).rank == 2);
  CHECK(rank("...ij,...jk->...ik", 4, 3).rank == 4);
  CHECK(rank("...i,i->...", 3, 1).rank == 2);
  CHECK(rank("...i", 3).rank == 3);
  CHECK(rank("...i,i->...", weft::dynamic_rank, 1).rank == weft::dynamic_rank);
  CHECK(rank("ij,jk->k", weft::dynamic_rank, 2).rank == 1);
  CHECK(rank("i,j->ij", 1).fault == subscripts_fault::arrays);
  CHECK(rank("ij->i", 3).fault == subscripts_fault::axes);
  CHECK(rank("...ij->i", 1).fault == subscripts_fault::axes);
  CHECK(rank("i->ij", 1).fault == subscripts_fault::unknown);
  CHECK(rank("i->ii", 1).fault == subscripts_fault::twice);
  CHECK(rank("i1->i", 2).fault == subscripts_fault::letters);
  CHECK(rank("......->i", 2).fault == subscripts_fault::letters);
  CHECK(rank("...i->i", 2).fault == subscripts_fault::rest);
  place at;
  const auto a = whole_numbers<double, 2>(at.client, {4, 3}, {2, 2});
  const weft::array<double, 2> gram = weft::einsum<"ij,ik->jk">(a, a);
  CHECK(list_of(at(gram)) == list_of(at(weft::einsum<2>("ij,ik->jk", a, a))));
}

TEST_CASE("einsum multiplies in the order of the fewest multiplications") {
  place at(1);
  const auto of = [&](std::int64_t m, std::int64_t n) {
    return weft::ones<double, 2>(at.client, {m, n}, {.chunk = {10, 10}});
  };
  const auto a = of(100, 100), b = of(100, 100), thin = of(100, 2);
  // From the right, as the last is thin.
  const auto last = weft::einsum<2>("jk,kl->jl", b, thin);
  CHECK(weft::einsum("ij,jk,kl->il", a, b, thin).task_count() == weft::einsum<2>("ij,jl->il", a, last).task_count());
  const auto c = of(50, 100), d = of(100, 50);
  CHECK(weft::einsum("ij,jk,kl,lm->im", c, thin, weft::transpose(thin), d).task_count() ==
        weft::multi_dot(c, thin, weft::transpose(thin), d).task_count());
  // Two that have no axis in common, where their product is small.
  const auto u = weft::ones<double, 1>(at.client, {3}), v = weft::ones<double, 1>(at.client, {4});
  const auto deep = weft::ones<double, 4>(at.client, {3, 4, 50, 50}, {.chunk = {1, 2, 10, 10}});
  CHECK(weft::einsum("u,uvij,v->ij", u, deep, v).task_count() ==
        weft::einsum<2>("uv,uvij->ij", weft::outer(u, v), deep).task_count());
}

TEST_CASE("a transposed operand is read where it is") {
  place at;
  const auto a = whole_numbers<double, 2>(at.client, {40, 30}, {10, 10});
  CHECK(weft::matmul(weft::transpose(a), a).task_count() == 9);
  CHECK(weft::einsum<2>("ij,ik->kj", a, a).task_count() == 9 + 9);  // the copy of the result in its order
}

TEST_CASE("a sum over many chunks is the same on any number of threads") {
  weft::blas_threads(1);
  std::vector<std::vector<double>> found;
  for (const unsigned threads : {1u, 2u, 3u}) {
    place at(threads);
    const auto a = arrays::matrix(at.client, 60, 3000, {25, 7}, 1),
               b = arrays::matrix(at.client, 3000, 50, {7, 30}, 2);
    found.push_back(list_of(at(weft::matmul(a, b))));
  }
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("where results are small, sums over chunks are trees") {
  weft::blas_threads(1);
  std::vector<std::vector<double>> found;
  for (const unsigned threads : {1u, 3u}) {
    place at(threads);
    const auto a = arrays::matrix(at.client, 2000, 3, {12, 3});
    const auto gram = weft::matmul(weft::transpose(a), a);
    CHECK(gram.task_count() == 167 + 21 + 3 + 1);
    found.push_back(list_of(at(gram)));
    const auto n = whole_numbers<std::int8_t, 1>(at.client, {1000}, {9});
    const xt::xtensor<std::int8_t, 1> whole = at(n);
    std::int8_t sum = 0;
    for (const std::int8_t v : whole) sum = static_cast<std::int8_t>(sum + v * v);
    CHECK(at(weft::dot(n, n)) == sum);
  }
  CHECK(found[0] == found[1]);
}

TEST_CASE("large chunks are cut where a product is a matter of seconds") {
  place at;
  const auto a = weft::ones<float, 2>(at.client, {16'000, 6'000}, {.chunk = {-1, -1}});
  const auto c = weft::matmul(a, weft::transpose(a));
  CHECK(c.chunk_shape() == weft::shape{2000, 2000});
  const auto tall = weft::ones<float, 2>(at.client, {1'000'000, 30}, {.chunk = {-1, -1}});
  CHECK(weft::matmul(weft::transpose(tall), tall).chunk_count() == 1);
}

TEST_CASE("products that do not fit are refused with both shapes") {
  place at(1);
  const auto a = weft::zeros<double, 2>(at.client, {10, 4}, {.chunk = {5, 4}});
  const auto b = weft::zeros<double, 2>(at.client, {5, 3}, {.chunk = {5, 3}});
  CHECK_THROWS_AS(weft::matmul(a, b), weft::misuse);
  CHECK_THROWS_WITH(
      weft::matmul(a, b),
      "weft: matmul of arrays of shapes (10, 4) in chunks of (5, 4) and (5, 3) in chunks of (5, 3): they "
      "have 4 and 5 elements along what is one axis of both");
  CHECK_THROWS_WITH(weft::matmul(a, weft::array<double>(weft::sum(a))),
                    Catch::Contains("(10, 4) in chunks of (5, 4) and ()"));
  CHECK_THROWS_WITH(weft::tensordot(a, b, {1}, {0}),
                    "weft: tensordot of arrays of shapes (10, 4) in chunks of (5, 4) and (5, 3) in chunks of (5, 3): "
                    "axis 1 of the first has 4 elements, and axis 0 of the second 5");
  CHECK_THROWS_WITH((weft::tensordot(a, a, {0, 0}, {0, 1})), Catch::Contains("axis 0 of the first has 10"));
  CHECK_THROWS_WITH((weft::tensordot(a, a, {0, 0}, {0, 0})), Catch::Contains("summed over twice"));
  CHECK_THROWS_WITH(weft::tensordot(a, a, 3), Catch::Contains("over 3 axes"));
  CHECK_THROWS_WITH(weft::einsum("ij,jk->ik", a, b),
                    "weft: einsum(\"ij,jk->ik\"): axis `j` has 4 elements in an array of shape (10, 4) in chunks of "
                    "(5, 4), and 5 in one of shape (5, 3) in chunks of (5, 3)");
  CHECK_THROWS_WITH(weft::einsum("ij,jk", a), Catch::Contains("the axes of 2 arrays, and is given 1"));
  CHECK_THROWS_WITH(weft::einsum("ijk->k", a), Catch::Contains("names 3 axes, and the array has shape (10, 4)"));
  CHECK_THROWS_WITH(weft::einsum("ii->i", a), Catch::Contains("`i` stands twice for an array of shape (10, 4)"));
  CHECK_THROWS_WITH(weft::einsum("ij->ik", a), Catch::Contains("`k` stands after `->`"));
  CHECK_THROWS_WITH(weft::einsum("ij->ii", a), Catch::Contains("`i` stands twice after"));
  CHECK_THROWS_WITH(weft::einsum("i1->i", a), Catch::Contains("`1` is no name of an axis"));
  CHECK_THROWS_WITH(weft::einsum("i...->i", a), Catch::Contains("`...` are not summed over"));
  CHECK_THROWS_WITH(weft::einsum("......->i", a), Catch::Contains("twice in one part"));
  CHECK_THROWS_WITH((weft::einsum<3>("ij->ij", a)), Catch::Contains("(10, 4) as one of 3 axes"));
  CHECK_THROWS_WITH(weft::blas_threads(0), Catch::Contains("blas_threads(0)"));
  place other(1);
  CHECK_THROWS_WITH(weft::matmul(a, weft::zeros<double, 2>(other.client, {4, 3})),
                    Catch::Contains("different clients"));
}

TEST_CASE("covariances of too few observations, and of variables that do not fit") {
  place at(1);
  using Catch::Contains;
  const auto x = whole_numbers<double, 2>(at.client, {3, 4}, {2, 2});
  const auto one = weft::cov(x(weft::slice(), weft::slice(0, 1)));
  CHECK(at(weft::count_nonzero(weft::isfinite(one))) == 0);
  CHECK(at(weft::count_nonzero(weft::isfinite(weft::cov(x, {.lessened = 7})))) == 0);
  CHECK(at(weft::cov(x(weft::slice(), weft::slice(0, 1)), {.lessened = 0})(1, 2)) == 0);
  // It varies with itself alike, whatever rounding makes of it.
  const auto y = arrays::matrix<float>(at.client, 40, 7, {9, 3});
  const xt::xtensor<double, 2> r = at(weft::corrcoef(y));
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 40; ++j) {
      REQUIRE(std::abs(r(i, j)) <= 1);
      if (i == j) REQUIRE(r(i, j) > 1 - 1e-12);
    }
  CHECK(at(weft::corrcoef(x(0))) == Approx(1));
  CHECK_THROWS_WITH(weft::cov(x, weft::zeros<double, 2>(at.client, {3, 5})), Contains("(3, 5)"));
  CHECK_THROWS_AS(weft::cov(x, weft::zeros<double, 1>(at.client, {5})), weft::misuse);
  CHECK_THROWS_AS(weft::corrcoef(x, x, {.by_columns = true})(0, 8), weft::misuse);
}

namespace {

struct contract_given {
  weft::detail::arrays::shared<weft::detail::arrays::contraction> how;
  weft::detail::arrays::block operator()(weft::values<weft::detail::arrays::block> left,
                                         weft::values<weft::detail::arrays::block> right) const {
    return weft::detail::arrays::contract_blocks(*how, {}, left, right);
  }
};

}  // namespace

TEST_CASE("a product whose labels or blocks are damaged is refused") {
  using namespace weft::detail::arrays;
  place at(1);
  const contraction good{0, 1, 1, 1, {0, 2}, {2, 1}, element_of<double>};
  const auto made = [&](const contraction& how, element e, const weft::shape& left, const weft::shape& right) {
    const auto given = [&](const weft::shape& extents) {
      block b(e, extents);
      std::fill(b.bytes().begin(), b.bytes().end(), std::byte{0});
      std::vector<weft::future<block>> one;
      one.push_back(at.client.scatter(std::move(b)));
      return one;
    };
    const auto count = [](weft::future<block> f) -> weft::task<std::size_t> {
      const block& b = co_await f;
      co_return b.count();
    };
    const contract_given task{shared<contraction>(how)};
    return at.pool.run(count(at.client.submit(task, given(left), given(right))));
  };
  CHECK(made(good, element_of<double>, {2, 3}, {3, 4}) == 8);
  const auto refuses = [&](auto change) {
    contraction bad = good;
    change(bad);
    CHECK_THROWS_WITH(made(bad, element_of<double>, {2, 3}, {3, 4}), Catch::Contains("std::logic_error"));
  };
  refuses([](contraction& c) { c.left = {0, 7}; });
  refuses([](contraction& c) { c.left = {0, 0}; });
  refuses([](contraction& c) { c.right = {2}; });
  refuses([](contraction& c) { c.right = {0, 1}; });
  refuses([](contraction& c) { c.of = element_of<float>; });
  refuses([](contraction& c) { c.of.item = 1; });
  refuses([](contraction& c) { c.columns = 9; });
  refuses([](contraction& c) { c.batch = ~0u; });
  CHECK_THROWS_WITH(made(good, element_of<double>, {2, 3}, {4, 4}), Catch::Contains("std::logic_error"));
  CHECK_THROWS_WITH(made(good, element_of<double>, {2, 3, 1}, {3, 4}), Catch::Contains("std::logic_error"));
  CHECK_THROWS_WITH(made(good, element_of<float>, {2, 3}, {3, 4}), Catch::Contains("std::logic_error"));
}

#include "bench/suite.h"

#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <memory>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "bench/graph.h"
#include "bench/peers.h"
#include "bench/process.h"
#include "bench/report.h"
#include "cli/graph_file.h"
#include "core/error.h"
#include "lower/blocked_inputs.h"
#include "lower/rules.h"
#include "ops/catalogue.h"
#include "text/parse_graph.h"

namespace tenon::bench {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The launches of a graph that is planned, compiled and bound to its buffers.
Contestant bound_kernels(std::string name, Session& session, const Case& work) {
  auto bound = std::make_shared<Bound>(session.bind(work.graph()));
  return contestant(std::move(name), [bound] { bound->launch(); }, bound->results);
}

// What a user waits for: realize() of a graph just built, with its walk, look-ups and memory. The
// graph before is released first; otherwise the new graph would be the same realized nodes.
Contestant whole_realize(const Case& work) {
  auto last = std::make_shared<std::vector<Tensor>>();
  auto seconds = [last, graph = work.graph](std::int64_t repeats) {
    double total = 0;
    for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
      last->clear();
      *last = graph();
      const auto start = Clock::now();
      realize(*last);
      total += seconds_since(start);
    }
    return total;
  };
  const auto results = [last, graph = work.graph] {
    if (last->empty()) realize(*last = graph());
    return mapped(*last, [](const Tensor& t) { return t.node()->as<BufferLeaf>()->buffer; });
  };
  return {"realize", seconds, results};
}

Limit limit_of(Session& session, const Case& work) {
  const std::vector<NodeRef> wanted = mapped(work.graph(), std::mem_fn(&Tensor::node));
  double read = 0, written = 0;
  for (const NodeRef& node : in_order(wanted).nodes)
    if (node->as<BufferLeaf>()) read += static_cast<double>(bytes(node->type, node->shape));
  for (const NodeRef& node : wanted) written += static_cast<double>(bytes(node->type, node->shape));
  return Limit(session.device(), session.threads(), work.flops,
               work.bytes_read > 0 ? work.bytes_read : read, written);
}

// What the naive nests give, for graphs of which no reference can be computed. Tenon promises the
// same bits for every schedule.
std::vector<Expected> expected_of_naive(const Suite& suite, std::string_view name,
                                        SessionOptions options) {
  options.moves = [](std::span<const Kernel> nests) {
    return std::vector<std::optional<Schedule>>(nests.size(), Schedule());
  };
  Session session(options);
  const std::vector<Tensor> outputs = suite.make(session, name).graph();
  realize(outputs);
  return *expected_of(outputs);  // leaves by now
}

// Is there a product whose weights a session may keep in blocks?
bool has_weights(Session& session, const Case& work) {
  const std::vector<NodeRef> wanted = mapped(work.graph(), std::mem_fn(&Tensor::node));
  return std::ranges::any_of(fusion(apply_rules(wanted, session.nodes())),
                             [&](const KernelGraph& kernel) {
                               return worth_blocking(kernel, session.backend().target).has_value();
                             });
}

struct Search {
  TemporaryFolder cache;  // with the schedules that it found
  int candidates = 0;
  double seconds = 0;
};

// Tunes the case, in a session of its own: the kernels that are measured later come from its cache.
void tune(Search& search, const Suite& suite, std::string_view name, const Options& options) {
  Session session(session_options(options, search.cache.path()));
  const Case work = suite.make(session, name);
  SearchOptions search_options;
  search_options.measurements = *options.measurements;
  search_options.seconds = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  session.tune(work.graph(), search_options, [&](const Session::Tuned& tuned) {
    const auto count = std::ssize(tuned.found.tried);
    note(fmt::format("{} {}: tuning kernel {} of {}, {} candidates", suite.name, name, tuned.number,
                     tuned.of, count));
    if (tuned.is_done) search.candidates += static_cast<int>(count);
  });
  search.seconds = seconds_since(start);
}

class Runner {
 public:
  Runner(const Suite& suite, const Options& options)
      : suite_(suite),
        options_(options),
        session_(session_options(options, "")),
        report_(suite.name, options, session_.threads()) {
    if (options.measurements && !options.moves.path.empty())
      fail("{}: moves by hand are never replaced; leave out --moves or --tune", suite.name);
    set_peer_threads(session_.threads());
  }

  bool run(const std::string& name) {
    step(name, "preparing");
    const Case work = suite_.make(session_, name);
    std::optional<Search> search;
    std::optional<Session> tuned, kept;
    Contest contest{{bound_kernels("tenon", session_, work), whole_realize(work)},
                    {},
                    limit_of(session_, work)};
    if (options_.measurements) {
      tune(search.emplace(), suite_, name, options_);
      tuned.emplace(session_options(options_, search->cache.path()));
      contest.contestants.push_back(bound_kernels("tuned", *tuned, suite_.make(*tuned, name)));
    }
    if (options_.moves.path.empty() && has_weights(session_, work)) {
      SessionOptions keeping = session_options(options_, "");
      keeping.keeps = worth_keeping;
      kept.emplace(keeping);
      contest.contestants.push_back(bound_kernels("kept", *kept, suite_.make(*kept, name)));
    }
    if (work.peers)
      for (Contestant& peer : work.peers()) contest.contestants.push_back(std::move(peer));
    step(name, "computing the right results");
    auto expected = expected_of(work.graph());
    contest.expected =
        expected ? *expected : expected_of_naive(suite_, name, session_options(options_, ""));
    for (Expected& of : contest.expected) widen(of, work.least_tolerance);
    Outcome outcome = hold(contest, options_.rounds, [&](int round) {
      step(name, fmt::format("round {} of {}", round + 1, options_.rounds));
    });
    if (work.outside && !outcome.wrong) {
      Outside outside = work.outside(*contest.contestants[0].results()[0], session_.threads());
      outcome.wrong = std::move(outside.wrong);
      append(outcome.timings, outside.timings);
    }
    if (outcome.wrong) {
      end_notes();
      fmt::print(stderr, "tenon-bench: {} {}: wrong result: {}\n", suite_.name, name,
                 *outcome.wrong);
      return false;
    }
    Row row(name, contest.limit, outcome);
    if (search) row.search = SearchCost{search->candidates, search->seconds};
    report_.add(row);
    return true;
  }

  void finish() { report_.finish(); }

 private:
  void step(std::string_view name, std::string_view what) const {
    note(fmt::format("{} {}: {}", suite_.name, name, what));
  }

  const Suite& suite_;
  const Options& options_;
  Session session_;
  Report report_;
};

std::vector<std::int64_t> numbers_of(std::string_view text, std::size_t count, char between,
                                     std::int64_t least) {
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::int64_t number = 0;
    const auto [next, problem] = std::from_chars(at, end, number);
    if (problem != std::errc() || number < least) return {};
    numbers.push_back(number);
    if (next != end && (*next != between || next + 1 == end)) return {};
    at = next == end ? end : next + 1;
  }
  if (count > 0 && numbers.size() != count) return {};
  return numbers;
}

Tensor drawn_input(Session& session, const InputLine& input, const Draw& draw,
                   std::mt19937& random) {
  const auto fill = [&](auto values, auto value) {
    std::ranges::generate(values, value);
    return session.tensor(std::span(std::as_const(values)), input.shape, input.name);
  };
  const auto count = static_cast<std::size_t>(elements(input.shape));
  if (input.type == Type::f32) {
    std::uniform_real_distribution<float> distribution(draw.low, draw.high);
    return fill(std::vector<float>(count), [&] { return distribution(random); });
  }
  const std::int64_t below = input.type == Type::boolean ? 2 : draw.indices;
  const auto whole = [&] { return static_cast<std::int32_t>(random() % below); };
  if (input.type == Type::i32) return fill(std::vector<std::int32_t>(count), whole);
  return fill(std::vector<std::uint8_t>(count), whole);
}

}  // namespace

SessionOptions session_options(const Options& options, const std::string& cache) {
  SessionOptions result{.threads = options.threads, .isa = options.isa, .cache = cache};
  result.keeps = {};
  if (!options.moves.path.empty()) result.moves = cli::by_hand(options.moves);
  return result;
}

bool run_cases(const Suite& suite, const Options& options) {
  Runner runner(suite, options);
  const std::vector<std::string>& cases = options.cases.empty() ? suite.cases : options.cases;
  if (cases.empty())
    fail("{}: the suite has no cases of its own; name one with --case", suite.name);
  bool all_right = true;
  for (const std::string& name : cases) all_right &= runner.run(name);
  runner.finish();
  return all_right;
}

Case text_case(Session& session, std::string_view name, const std::string& text, double flops,
               const MakePeers& peers, const Draw& draw) {
  auto inputs = std::make_shared<std::map<std::string, Tensor>>();
  std::vector<const float*> values;
  std::mt19937 random(1);
  const auto source = [&](const InputLine& input) {
    const Tensor& leaf = (*inputs)[input.name] = drawn_input(session, input, draw, random);
    values.push_back(data(leaf));
    return leaf;
  };
  const std::string file(name);
  parse_graph(text, file, session, source, compose, operation_names());
  const auto build = [=, &session] {
    const auto known = [&](const InputLine& input) { return inputs->at(input.name); };
    const GraphText graph = parse_graph(text, file, session, known, compose, operation_names());
    for (std::size_t i = 0; i < graph.outputs.size(); ++i)  // for --moves
      session.nodes().set_name(*graph.outputs[i].node(), graph.output_names[i]);
    return graph.outputs;
  };
  Case work{build, flops};
  if (peers) work.peers = [=, &session] { return peers(session.device(), values); };
  return work;
}

std::vector<std::int64_t> output_shape(Session& session, std::string_view name,
                                       const std::string& text) {
  return values(cli::load_structure(text, std::string(name), session).outputs.at(0).shape());
}

std::vector<std::int64_t> parse_sizes(std::string_view text, std::size_t count, char between) {
  return numbers_of(text, count, between, 1);
}
std::vector<std::int64_t> parse_list(std::string_view text, std::size_t count) {
  return numbers_of(text, count, ',', 0);
}

std::pair<std::string_view, std::string_view> at_colon(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return {name, {}};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::string f32_of(std::span<const std::int64_t> extents) {
  return fmt::format("f32[{}]", fmt::join(extents, ","));
}

double product(std::span<const std::int64_t> extents) {
  double result = 1;
  for (const std::int64_t extent : extents) result *= static_cast<double>(extent);
  return result;
}

Tensor Operands::uniform(Shape shape, float low, float high) {
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(elements(shape));
  for (float& value : values) value = distribution(random_);
  const std::string name(1, next_name_++);  // for schedules by hand
  return session_.tensor(std::span<const float>(values), std::move(shape), name);
}

const float* data(const Tensor& leaf) {
  return static_cast<const float*>(leaf.node()->as<BufferLeaf>()->buffer->host);
}

}  // namespace tenon::bench

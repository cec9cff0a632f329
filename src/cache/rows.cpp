#include "cache/rows.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

namespace tenon {
namespace {

// In the order of ScheduleStatus.
constexpr std::array<std::string_view, 4> statuses = {"picked", "tuned", "tried", "rejected"};

}  // namespace

std::string_view status_name(ScheduleStatus status) {
  return statuses[static_cast<std::size_t>(status)];
}

std::optional<ScheduleStatus> status_of(std::string_view name) {
  const auto* const known = std::find(statuses.begin(), statuses.end(), name);
  if (known == statuses.end()) return std::nullopt;
  return static_cast<ScheduleStatus>(known - statuses.begin());
}

std::string hash_fields(std::initializer_list<std::string_view> fields) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  for (const std::string_view field : fields) {
    std::array<unsigned char, 8> length{};  // little-endian on every machine
    for (std::size_t byte = 0; byte < length.size(); ++byte) {
      length[byte] = static_cast<unsigned char>(std::uint64_t{field.size()} >> (8 * byte));
    }
    XXH3_128bits_update(state.get(), length.data(), length.size());
    XXH3_128bits_update(state.get(), field.data(), field.size());
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string artifact_key(const ArtifactIdentity& identity) {
  return hash_fields({identity.moves, identity.workload, identity.isa, identity.compiler,
                      identity.flags, identity.build});
}

std::string device_id(const DeviceRow& device) {
  return hash_fields({device.kind, device.model, device.isa, device.caches,
                      std::to_string(device.cores), device.driver});
}

}  // namespace tenon

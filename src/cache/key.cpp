#include "cache/key.h"

#include <xxhash.h>

#include <array>
#include <cstdint>
#include <memory>

#include <fmt/format.h>

namespace tenon {

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

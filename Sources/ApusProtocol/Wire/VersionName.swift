/// The names of RocketMQ's versions, which clients and servers exchange as numbers: a version is its place in a list
/// that began with the first one.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/MQVersion.java
public enum VersionName {
  /// The list begins without a rule.
  private static let first = [
    "V3_0_0_SNAPSHOT", "V3_0_0_ALPHA1", "V3_0_0_BETA1", "V3_0_0_BETA2", "V3_0_0_BETA3", "V3_0_0_BETA4",
    "V3_0_0_BETA5", "V3_0_0_BETA6_SNAPSHOT", "V3_0_0_BETA6", "V3_0_0_BETA7_SNAPSHOT", "V3_0_0_BETA7",
    "V3_0_0_BETA8_SNAPSHOT", "V3_0_0_BETA8", "V3_0_0_BETA9_SNAPSHOT", "V3_0_0_BETA9", "V3_0_0_FINAL",
  ]

  /// The name of a version: `V4_9_8` for 409.
  public static func name(of version: Int32) -> String {
    guard version >= 0 else { return first[0] }
    guard version >= first.count else { return first[Int(version)] }
    // Each release has a place for its snapshot and one for itself.
    var rest = Int(version) - first.count
    for major in 3...5 {
      for minor in 0...9 {
        let patches = patches(major, minor)
        guard rest >= 2 * patches.count else {
          return "V\(major)_\(minor)_\(patches.lowerBound + rest / 2)" + (rest.isMultiple(of: 2) ? "_SNAPSHOT" : "")
        }
        rest -= 2 * patches.count
      }
    }
    return "HIGHER_VERSION"
  }

  private static func patches(_ major: Int, _ minor: Int) -> ClosedRange<Int> {
    guard major == 3 else { return 0...9 }
    return switch minor {
    case 0: 1...15
    case 1, 2: 0...9
    default: 1...9
    }
  }
}

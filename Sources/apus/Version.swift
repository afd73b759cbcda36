/// What this program calls itself.
enum Version {
  /// The release.
  static let number = "0.1.0"
  /// The RocketMQ whose clients, files and behaviour it goes by.
  static let compatibility = "4.9.8"
  /// The line that `--version` prints.
  static let line = "apus \(number), compatible with RocketMQ \(compatibility)"
}

/// Settings that have to be more than zero: with less something would be done without a pause, or never.
enum PositiveSettings {
  /// Throws for the first of these counts, by their names, that is below 1.
  static func check(_ counts: KeyValuePairs<String, Int>) throws(ClientError) {
    for (name, count) in counts where count < 1 {
      throw ClientError(.invalidArgument, "\(name) is \(count), at least 1 is needed")
    }
  }

  /// Throws for the first of these times, by their names, that is not more than 0.
  static func check(_ times: KeyValuePairs<String, Duration>) throws(ClientError) {
    for (name, time) in times where time <= .zero {
      throw ClientError(.invalidArgument, "\(name) is \(time), more than 0 is needed")
    }
  }
}

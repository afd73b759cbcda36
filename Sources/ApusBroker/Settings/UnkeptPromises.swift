import ApusBase

/// Settings of Java's that promise what this version does not do. Whoever relies on the promise has to be told at the
/// start, not by a loss.
extension BrokerSettings {
  /// A sentence for each promise that is not kept.
  var unkeptPromises: [String] {
    var sentences: [String] = []
    if self["brokerRole"] == "SYNC_MASTER" {
      sentences.append(
        "setting brokerRole is SYNC_MASTER, but this version has no replicas: sends are acknowledged by this broker "
          + "alone")
    }
    if self["transientStorePoolEnable"]?.lowercased() == "true" {
      sentences.append(
        "setting transientStorePoolEnable has no effect: the log is written through mapped memory, without a pool")
    }
    if let id = self["brokerId"], Int64(id) != 0 {
      sentences.append("setting brokerId is \(id), but a broker that is no replica has the number 0, which counts")
    }
    return sentences
  }

  /// Refuses the role of a replica: a broker that took it for a master's would accept sends, and its group would have
  /// two masters.
  static func refuseReplica(_ key: SettingKey, _ value: String) throws(SettingError) {
    guard key.name == "brokerRole", value == "SLAVE" else { return }
    throw SettingError(
      key: key.name, value: value, range: "ASYNC_MASTER or SYNC_MASTER: this version has no replicas")
  }
}

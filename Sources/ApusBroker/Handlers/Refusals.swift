package import ApusBase
package import ApusBrokerCore
package import ApusFilter
import ApusModel
package import ApusProtocol
package import ApusStore

/// What requests are refused with, where several handlers say the same.
package enum Refusals {
  /// A code that nobody answers. Unknown codes get Java's words; known ones say what is not available.
  package static func unsupported(_ code: RequestCode) -> Refusal {
    guard let feature = unavailable[code] else {
      return Refusal(.requestCodeNotSupported, " request type \(code.rawValue) not supported")
    }
    return Refusal(
      .requestCodeNotSupported,
      " request type \(code.rawValue) not supported: this broker does not offer \(feature)")
  }

  /// Codes that a Java broker answers, with what they are for.
  private static let unavailable: [RequestCode: StaticString] = [
    .updateAndCreateACLConfig: "access control: aclEnable is not set",
    .deleteACLConfig: "access control: aclEnable is not set",
    .updateGlobalWhiteAddrsConfig: "access control: aclEnable is not set",
    .getBrokerClusterACLInfo: "access control: aclEnable is not set",
  ]

  /// A consumer that filters by something else than tags, while that is off, in Java's words.
  package static func filterType(_ type: String) -> Refusal {
    Refusal(.systemError, "The broker does not support consumer to filter message by \(type)")
  }

  /// A language of conditions that nobody knows.
  package static func language(_ type: String) -> Refusal {
    Refusal(.subscriptionParseFailed, "expression type \(type) is not known: use TAG or SQL92")
  }

  /// A condition that cannot be read.
  package static func condition(_ fault: SQLFault) -> Refusal {
    Refusal(.subscriptionParseFailed, "the SQL92 expression cannot be read, \(fault)")
  }

  /// A topic that is not there, in the words of tools.
  package static func noTopic(_ name: String) -> Refusal { Refusal(.topicNotExist, "topic[\(name)] not exist") }

  /// The store does not take a message.
  package static func store(_ refusal: StoreRefusal) -> Refusal {
    switch refusal {
    case .diskFull:
      Refusal(.serviceNotAvailable, "the disk of this broker is full: messages are refused until there is space")
    case .exhausted:
      Refusal(.serviceNotAvailable, "this broker has too many files open: messages are refused until there are fewer")
    case .failed(let error):
      Refusal(.serviceNotAvailable, "the store of this broker failed and takes no messages: \(error)")
    case .deletionUnrecorded:
      Refusal(.serviceNotAvailable, "the topic was deleted, and the disk does not take that now: it is tried again")
    case .closed: Refusal(.serviceNotAvailable, "the broker is shutting down")
    case .tooLarge:
      Refusal(.messageIllegal, "the message does not fit a log file: mappedFileSizeCommitLog is too small for it")
    }
  }

  /// Properties that, with what the broker adds, take more bytes than have room.
  static func propertiesTooLong(_ bytes: Int, limit: Int = MessageProperties.maximumBytes) -> Refusal {
    Refusal(.messageIllegal, "the properties take \(bytes) bytes, at most \(limit) fit")
  }

  /// More waits for the I/O threads than may.
  static let ioBusy = Refusal(.systemBusy, "too many requests wait for the disk: try again in a moment")

  /// The files of a queue cannot be read.
  static func queue(_ error: DiskError) -> Refusal {
    Refusal(.systemError, "the queue cannot be opened: \(error)")
  }

  /// Offsets that no client may move.
  static func ownOffsets(_ group: String) -> Refusal {
    Refusal(.noPermission, "the offsets of group \(group) are kept by the broker itself")
  }

  /// There is no room for the offsets of one more group in a topic.
  static let tooManyOffsets = Refusal(
    .systemError, "there are too many pairs of topic and group with offsets: delete groups (code 207)")

  /// The device failed while a request was answered.
  package static func disk(_ error: DiskError) -> Refusal {
    Refusal(.systemError, "the store could not be read or written: \(error)")
  }

  /// A body that is not what it should be.
  package static func body(_ error: DecodeError) -> Refusal {
    Refusal(.systemError, "the body cannot be read: \(error)")
  }

  /// A client that registers too much.
  package static func excess(_ excess: ClientTable.Excess, _ limits: ClientTable.Limits) -> Refusal {
    switch excess {
    case .groups:
      Refusal(.systemError, "a client may be in \(limits.groupsPerConnection) groups: leave some or use another client")
    case .subscriptions(let group):
      Refusal(
        .systemError,
        "group \(group) may subscribe to \(limits.subscriptionsPerGroup) topics: use several groups")
    case .clientID:
      Refusal(.systemError, "a client id must have 1 to \(limits.clientIDBytes) bytes")
    case .subscriptionBytes(let group):
      Refusal(
        .systemError,
        "the subscriptions of group \(group) may take \(limits.subscriptionBytesPerGroup) bytes: use several groups")
    case .bytes:
      Refusal(
        .systemBusy, "the groups of all clients take \(limits.bytes) bytes, as many as they may: try again later")
    }
  }
}

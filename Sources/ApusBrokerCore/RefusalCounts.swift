package import ApusBase
package import ApusModel
package import ApusProtocol

/// How often requests were refused, by kind, and when the log is to tell of it.
///
/// The log tells of a kind at once when it is new or has been quiet, and then every ``interval`` of how many there
/// were: however many requests are refused, it stays short. A kind takes about 500 bytes, and there are as many at most
/// as pairs of a request code that the broker knows and a response code.
package struct RefusalCounts: Sendable {
  /// What was asked for and how it was refused.
  package struct Kind: Hashable, Comparable, Sendable {
    /// What was asked for; nil for all codes that the broker does not know, which are clients' to make up.
    package var request: RequestCode?
    /// How it was refused.
    package var response: ResponseCode

    /// Names a kind.
    package init(request: RequestCode?, response: ResponseCode) {
      self.request = request
      self.response = response
    }

    /// Orders by number, codes that are not known first.
    package static func < (left: Kind, right: Kind) -> Bool {
      (left.request?.rawValue ?? .min, left.response.rawValue)
        < (right.request?.rawValue ?? .min, right.response.rawValue)
    }

    /// Whether such an answer is a part of ordinary work, though it is no success: nothing is wrong that an operator
    /// should hear of.
    package var isOrdinary: Bool {
      switch response {
      // There is no message now, or none there any more.
      case .success, .pullNotFound, .pullRetryImmediately, .pullOffsetMoved: true
      // A group without an offset yet, a key that no message has.
      case .queryNotFound: true
      // A pull that overtook its group's first heartbeat, or the one that changed the subscription.
      case .subscriptionNotExist, .subscriptionNotLatest, .filterDataNotExist, .filterDataNotLatest: true
      // What tools hear of clients that are not there or do not answer.
      case .consumerNotOnline, .consumeMessageTimeout, .noMessage: true
      // Who sends or pulls means a topic; tools ask all brokers for one that some of them have.
      case .topicNotExist: request.map { !Self.movingMessages.contains($0) } ?? true
      // A group without members, in Java's words for it.
      case .systemError: request == .getConsumerListByGroup || request == .getProducerConnectionList
      default: false
      }
    }

    /// What brings messages to the broker or takes them from it.
    private static let movingMessages: Set<RequestCode> = [
      .sendMessage, .sendMessageV2, .sendBatchMessage, .sendReplyMessage, .sendReplyMessageV2,
      .consumerSendMessageBack, .endTransaction, .pullMessage,
    ]
  }

  /// What the log is to tell.
  package struct Report: Hashable, Sendable {
    /// What was refused.
    package var kind: Kind
    /// How many there were since the last report of this kind.
    package var times: Int64
    /// Who asked last.
    package var peer: HostAddress
    /// What the last one was answered.
    package var remark: String
  }

  private struct Entry {
    var total: Int64 = 0
    var untold: Int64 = 0
    var nextReport: MonotonicTime
    var peer: HostAddress
    var remark = ""

    mutating func report(_ kind: Kind, _ now: MonotonicTime) -> Report {
      defer {
        untold = 0
        nextReport = now + RefusalCounts.interval
      }
      return Report(kind: kind, times: untold, peer: peer, remark: remark)
    }
  }

  /// A kind is told of no more often than this.
  package static let interval = Duration.seconds(10)
  /// Letters of a remark that are kept: a remark may hold a name as long as a request.
  private static let remarkLetters = 300

  private var entries: [Kind: Entry] = [:]

  /// Nothing was refused yet.
  package init() {}

  /// A request was refused. Returns what the log is to tell now.
  package mutating func add(
    _ kind: Kind, remark: String, from peer: HostAddress, now: MonotonicTime
  ) -> Report? {
    var entry = entries[kind] ?? Entry(nextReport: now, peer: peer)
    entry.total += 1
    entry.untold += 1
    entry.peer = peer
    entry.remark = remark.shortened(to: Self.remarkLetters)
    let report = now >= entry.nextReport ? entry.report(kind, now) : nil
    entries[kind] = entry
    return report
  }

  /// What was counted since the last report of its kind and may be told now; with `all`, whatever was counted.
  package mutating func due(now: MonotonicTime, all: Bool = false) -> [Report] {
    var reports: [Report] = []
    for kind in entries.keys.sorted() {
      guard var entry = entries[kind], entry.untold > 0, all || now >= entry.nextReport else { continue }
      reports.append(entry.report(kind, now))
      entries[kind] = entry
    }
    return reports
  }

  /// How many there were of each kind, in order.
  package var totals: [(kind: Kind, count: Int64)] {
    entries.sorted { $0.key < $1.key }.map { (kind: $0.key, count: $0.value.total) }
  }
}

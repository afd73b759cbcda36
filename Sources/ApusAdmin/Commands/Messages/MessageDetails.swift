import ApusBase
import ApusClient
import ApusProtocol
import ApusSystem

/// A message as mqadmin shows it by lines, with its body in a file and who has consumed it.
struct MessageDetails {
  /// What is known of a group and a message.
  private struct Track {
    var group: String
    var state: String
    var reason: String?

    /// As Java prints it.
    var text: String {
      "MessageTrack [consumerGroup=\(group), trackType=\(state), exceptionDesc=\(reason ?? "null")]"
    }
  }

  static let line = Table("%-20s %s", [.init("", nil), .init("", nil)], hasHead: false)
  /// Where bodies are put.
  private static let bodyDirectory = "/tmp/rocketmq/msgbodys"

  let message: ReceivedMessage
  /// Whether the broker's id comes first.
  let showsOffsetID: Bool
  /// What is added to the name of the body's file.
  var fileSuffix = ""

  /// The name of a body's file. The id is the producer's word: it must not name another directory, and no file system
  /// takes a name of more than 255 bytes.
  static func fileName(of id: String) -> String {
    String(id.utf8.prefix(128).map { Character(Unicode.Scalar(isPlain($0) ? $0 : UInt8(ascii: "_"))) })
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default: false
    }
  }

  /// Prints the message, and puts its body into a file.
  func show(_ session: AdminSession) async throws(AdminError) {
    let path = "\(Self.bodyDirectory)/\(Self.fileName(of: message.messageID))\(fileSuffix)"
    try session.write(message.body, to: path)
    let tracks = await tracks(session)
    guard !session.isJSON else {
      return session.say(
        "",
        [
          "message": .value(message.jsonValue, shown: ""), "bodyPath": .text(path),
          "tracks": .value(
            .array(
              tracks.map {
                JSONValue.object([
                  JSONMember("group", .string($0.group)), JSONMember("trackType", .string($0.state)),
                  JSONMember("reason", $0.reason.map { .string($0) } ?? .null),
                ])
              }), shown: ""),
        ])
    }
    let born = WallTime(milliseconds: message.bornMilliseconds)
    let stored = WallTime(milliseconds: message.storeMilliseconds)
    var lines: [(String, String)] = showsOffsetID ? [("OffsetID:", message.offsetMessageID)] : []
    lines += [
      ("Topic:", message.topic), ("Tags:", "[\(message.tag ?? "null")]"),
      ("Keys:", "[\(message.properties["KEYS"] ?? "null")]"), ("Queue ID:", "\(message.queue.queueID)"),
      ("Queue Offset:", "\(message.queueOffset)"), ("CommitLog Offset:", "\(message.commitLogOffset)"),
      ("Reconsume Times:", "\(message.reconsumeTimes)"), ("Born Timestamp:", born.millisecondsText),
      ("Store Timestamp:", stored.millisecondsText), ("Born Host:", message.bornHost),
      ("Store Host:", message.storeHost), ("System Flag:", "\(message.systemFlag)"),
      ("Properties:", message.javaProperties), ("Message Body Path:", path),
    ]
    for (name, value) in lines { session.row(Self.line, [.text(name), .text(value)]) }
    session.say("\n\n" + (tracks.isEmpty ? "WARN: No Consumer" : tracks.map(\.text).joined(separator: "\n")))
  }

  /// Which groups consume the message's topic, and whether they have it behind them.
  private func tracks(_ session: AdminSession) async -> [Track] {
    do throws(AdminError) {
      let route = try await session.client.route(of: message.topic)
      var tracks: [Track] = []
      for group in try await session.client.groups(consuming: message.topic, route) {
        tracks.append(await track(of: group, session))
      }
      return tracks
    } catch {
      session.warn("who consumes '\(message.topic)' is not known: \(error)")
      return []
    }
  }

  private func track(of group: String, _ session: AdminSession) async -> Track {
    do throws(AdminError) {
      let members = try await session.client.consumers(of: group)
      guard members.consumeType == .passively else { return Track(group: group, state: "PULL") }
      guard try await isConsumed(by: group, session) else { return Track(group: group, state: "NOT_CONSUME_YET") }
      let subscription = members.subscriptions.first { $0.topic == message.topic }
      let tags = subscription?.tags ?? []
      let isWanted = tags.isEmpty || tags.contains("*") || tags.contains(message.tag ?? "")
      return Track(group: group, state: isWanted ? "CONSUMED" : "CONSUMED_BUT_FILTERED")
    } catch {
      let code = error.code.map { "\($0.rawValue)" } ?? "-1"
      return Track(
        group: group, state: error.code == .consumerNotOnline ? "NOT_ONLINE" : "UNKNOWN",
        reason: "CODE:\(code) DESC:\(error)")
    }
  }

  /// Whether a group's offset lies behind the message, at the broker that stored it.
  private func isConsumed(by group: String, _ session: AdminSession) async throws(AdminError) -> Bool {
    let clusters = try await session.client.clusterInfo()
    let (progress, failure) = try await session.progress(of: group, topic: message.topic)
    let isConsumed = progress.entries.contains { entry in
      entry.queue.topic == message.topic && entry.queue.queueID == message.queue.queueID
        && clusters.brokers[entry.queue.brokerName]?.masterAddress == message.storeHost
        && entry.consumerOffset.rawValue > message.queueOffset
    }
    // The broker that would know may be the one that does not answer.
    if let failure, !isConsumed { throw failure }
    return isConsumed
  }
}

extension ReceivedMessage {
  /// The properties as Java prints a map, by name.
  var javaProperties: String {
    "{\(properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", "))}"
  }

  /// The message as Java prints it, its body as numbers. `msgId` is the broker's id there, as `queryMsgById` takes it;
  /// only half messages name a transaction.
  var javaText: String {
    let transaction = properties["TRAN_MSG"]?.lowercased() == "true" ? properties["UNIQ_KEY"] : nil
    return "MessageExt [brokerName=\(queue.brokerName), queueId=\(queue.queueID), storeSize=\(storeBytes),"
      + " queueOffset=\(queueOffset), sysFlag=\(systemFlag), bornTimestamp=\(bornMilliseconds), bornHost=/\(bornHost),"
      + " storeTimestamp=\(storeMilliseconds), storeHost=/\(storeHost), msgId=\(offsetMessageID),"
      + " commitLogOffset=\(commitLogOffset), bodyCRC=\(bodyCRC), reconsumeTimes=\(reconsumeTimes),"
      + " preparedTransactionOffset=\(preparedTransactionOffset), toString()=Message{topic='\(topic)', flag=\(flag),"
      + " properties=\(javaProperties),"
      + " body=[\(body.map { "\(Int8(bitPattern: $0))" }.joined(separator: ", "))],"
      + " transactionId='\(transaction ?? "null")'}]"
  }

  /// The message with its body as text.
  var jsonValue: JSONValue {
    .object([
      JSONMember("topic", .string(topic)), JSONMember("msgId", .string(messageID)),
      JSONMember("offsetMsgId", .string(offsetMessageID)), JSONMember("brokerName", .string(queue.brokerName)),
      JSONMember("queueId", .integer(Int64(queue.queueID))), JSONMember("queueOffset", .integer(queueOffset)),
      JSONMember("commitLogOffset", .integer(commitLogOffset)),
      JSONMember("bornTimestamp", .integer(bornMilliseconds)), JSONMember("bornHost", .string(bornHost)),
      JSONMember("storeTimestamp", .integer(storeMilliseconds)), JSONMember("storeHost", .string(storeHost)),
      JSONMember("reconsumeTimes", .integer(Int64(reconsumeTimes))), JSONMember("sysFlag", .integer(Int64(systemFlag))),
      JSONMember("flag", .integer(Int64(flag))),
      JSONMember(
        "properties",
        .object(properties.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) })),
      JSONMember("body", .string(text)),
    ])
  }
}

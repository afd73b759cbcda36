public import ApusBase

/// The connected producers by group.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ProducerTableInfo.java
public struct ProducerTable: JSONBody {
  /// One producer.
  public struct Producer: Hashable, Sendable {
    /// The client.
    public var clientID: String
    /// Its address as Java writes it, `/host:port`.
    public var remoteAddress: String
    /// The language it is written in.
    public var language: Language
    /// Its version.
    public var version: Int32
    /// When its last heartbeat came.
    public var lastUpdate: WallTime

    /// Describes a producer.
    public init(clientID: String, remoteAddress: String, language: Language, version: Int32, lastUpdate: WallTime) {
      self.clientID = clientID
      self.remoteAddress = remoteAddress
      self.language = language
      self.version = version
      self.lastUpdate = lastUpdate
    }
  }

  /// One group.
  public struct Group: Hashable, Sendable {
    /// The group.
    public var name: String
    /// Its members.
    public var producers: [Producer]

    /// Describes a group.
    public init(_ name: String, _ producers: [Producer]) {
      self.name = name
      self.producers = producers
    }
  }

  /// The groups.
  public var groups: [Group]

  /// Describes groups.
  public init(_ groups: [Group]) { self.groups = groups }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    groups = []
    for member in try json.table("data") {
      var producers: [Producer] = []
      for element in member.value.elements ?? [] {
        producers.append(
          Producer(
            clientID: element["clientId"]?.text ?? "", remoteAddress: element["remoteIP"]?.text ?? "",
            language: Language(name: element["language"]?.text ?? "OTHER"),
            version: try element.int32("version", default: 0),
            lastUpdate: WallTime(milliseconds: try element.int64("lastUpdateTimestamp", default: 0))))
      }
      groups.append(Group(member.key.text ?? "", producers))
    }
  }

  /// The JSON form.
  public var json: JSONValue {
    let members = groups.map { group in
      JSONMember(
        group.name,
        .array(
          group.producers.map {
            JSONValue(members: [
              "clientId": .string($0.clientID), "language": .string($0.language.description),
              "lastUpdateTimestamp": JSONValue($0.lastUpdate.milliseconds), "remoteIP": .string($0.remoteAddress),
              "version": JSONValue($0.version),
            ])
          }))
    }
    return JSONValue(members: ["data": .object(members)])
  }
}

import ApusBase
import ApusModel
import ApusNameServer
import ApusProtocol
import ApusRouteCore
import ApusSimulator
import ApusSystem
import Testing

/// A name server without sockets on a simulated disk: requests go in as frames, answers come out as frames.
final class NameServerHarness {
  static let thisMachine = HostAddress.loopback(port: 50_000)
  static let elsewhere = HostAddress(ipv4: 0x0A09_0807, port: 50_000)

  let disk: SimulatedDisk
  let requests: NameServerRequests
  var now = MonotonicTime(nanoseconds: 0)

  init(
    disk: SimulatedDisk = SimulatedDisk(seed: 1), settings: NameServerSettings = NameServerSettings(home: "home"),
    limits: RouteLimits = RouteLimits()
  ) throws {
    self.disk = disk
    requests = try NameServerRequests(
      settings: settings, ownAddresses: [], disk: disk, log: Logger(level: .error), limits: limits)
  }

  /// The frame that answers a frame.
  func answer(
    _ frame: [UInt8], from peer: HostAddress = thisMachine, link: RouteLink = RouteLink(rawValue: 1)
  ) throws -> [UInt8] {
    var decoder = RequestDecoder()
    let request = try decoder.decode(frame: frame.rawSpan)
    let outcome = requests.answer(request, .init(peer: peer, link: link, now: now))
    let reply =
      switch outcome {
      case .reply(let reply): reply
      case .write(let work): work()
      }
    var output = ByteWriter()
    reply.encode(answering: request.header, into: &output)
    return output.array
  }

  /// Sends a request made of parts.
  func call(
    _ code: RequestCode, _ fields: KeyValuePairs<String, String> = [:], body: [UInt8] = [], version: Int32 = 409,
    from peer: HostAddress = thisMachine, link: RouteLink = RouteLink(rawValue: 1)
  ) throws -> Command {
    let command = Command(
      header: CommandHeader(code: code.rawValue, version: version, id: RequestID(7)),
      fields: fields.map { ReplyField($0.key, $0.value) }, body: body)
    var frame = ByteWriter()
    command.encode(into: &frame)
    return try Command(copying: try answer(frame.array, from: peer, link: link))
  }

  /// Plays recorded requests whose answers do not matter.
  func play(_ samples: [RecordedFrames.Sample]) throws {
    for sample in samples { _ = try answer(sample.request) }
  }

  /// The topics it lists.
  func topics() throws -> [String] {
    try JSONParser.parse(try call(.getAllTopicListFromNameserver).body.rawSpan)["topicList"]?.texts ?? []
  }
}

extension Command {
  init(copying frame: [UInt8]) throws { try self.init(frame: frame.rawSpan) }

  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A JSON value in which the order of members, and of the elements of lists of texts, does not matter.
indirect enum Unordered: Hashable {
  case value(JSONValue)
  case texts(Set<String>)
  case list([Unordered])
  case members([JSONValue: Unordered])

  init(_ value: JSONValue) {
    if let members = value.members {
      self = .members(Dictionary(members.map { ($0.key, Unordered($0.value)) }) { $1 })
    } else if let texts = value.texts, texts.count == value.elements?.count, !texts.isEmpty {
      self = .texts(Set(texts))
    } else if let elements = value.elements {
      self = .list(elements.map { Unordered($0) })
    } else {
      self = .value(value)
    }
  }

  /// A body as JSON; bodies that are none count as texts.
  init(body: [UInt8]) {
    do {
      self.init(try JSONParser.parse(body.rawSpan))
    } catch {
      self = .value(.string(String(decoding: body, as: UTF8.self)))
    }
  }
}

/// Compares an answer with the recorded one: code, remark, fields and body by their meaning.
func expectSame(_ answer: [UInt8], _ sample: RecordedFrames.Sample, _ location: SourceLocation = #_sourceLocation)
  throws
{
  let mine = try Command(copying: answer)
  let recorded = try Command(copying: sample.response)
  #expect(mine.header == recorded.header, "\(sample.title)", sourceLocation: location)
  #expect(mine.remark == recorded.remark, "\(sample.title)", sourceLocation: location)
  #expect(Set(mine.fields ?? []) == Set(recorded.fields ?? []), "\(sample.title)", sourceLocation: location)
  #expect(Unordered(body: mine.body) == Unordered(body: recorded.body), "\(sample.title)", sourceLocation: location)
}

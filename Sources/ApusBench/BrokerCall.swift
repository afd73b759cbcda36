import ApusBase
import ApusSystem

/// One request to a broker over a connection of its own, waited for. For what precedes a measurement.
final class BrokerCall: BenchConnectionOwner {
  /// What came back.
  struct Answer {
    /// How the request ended.
    var code: Int32
    /// The broker's sentence.
    var remark: String
    /// The field `offset`, where there is one.
    var offset: Int64?
    /// What followed the header.
    var body: [UInt8]
  }

  private let frame: [UInt8]
  private let loop: EventLoop
  private var answer: Answer?
  private var failure: BenchError?

  /// Asks and waits up to ten seconds.
  static func ask(
    _ settings: BenchSettings, code: Int, fields: KeyValuePairs<String, String> = [:]
  ) throws(BenchError) -> Answer {
    let loop: EventLoop
    do throws(SystemError) {
      loop = try EventLoop(name: "call")
    } catch {
      throw BenchError("\(error)")
    }
    let call = BrokerCall(RequestFrame.encode(code: code, number: 1, fields: fields), loop)
    let connection = try BenchConnection(index: 0, to: settings.broker, tls: settings.tls, on: loop, owner: call)
    defer { connection.close(on: loop) }
    loop.schedule(after: .seconds(10)) {
      call.failure =
        call.failure ?? BenchError("the broker at \(settings.broker) did not answer code \(code) within 10 s")
      loop.stop()
    }
    loop.run()
    if let answer = call.answer { return answer }
    throw call.failure ?? BenchError("no answer")
  }

  private init(_ frame: [UInt8], _ loop: EventLoop) {
    self.frame = frame
    self.loop = loop
  }

  func opened(_ connection: BenchConnection) { connection.output.write(frame) }

  func received(_ response: borrowing Response, on connection: BenchConnection) {
    answer = Answer(
      code: response.code, remark: response.remark, offset: response.field("\"offset\":"), body: response.body.array)
    loop.stop()
  }

  func failed(_ connection: BenchConnection, _ error: BenchError) {
    failure = error
    loop.stop()
  }
}

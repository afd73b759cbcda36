// usage: consumer [NAME-SERVER]
//
// Prints the messages of the topic Examples until it is interrupted (Ctrl-C).
import ApusClient
import Foundation

@main
enum Main {
  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    async let _ = client.run()

    var configuration = ConsumerConfiguration()
    configuration.start = .first
    let consumer = try client.pushConsumer(
      group: "example-consumers", subscriptions: [Subscription("Examples")], configuration,
      listener: .concurrent { messages in
        for message in messages { print("received \(message.text)") }
        // `.retry()`, or an error that is thrown, lets them come again later.
        return .success
      })
    async let _ = consumer.run()
    // When this function ends both are cancelled: what is under way is finished and offsets are committed.
    await interruption()
  }

  /// Returns at the first Ctrl-C.
  static func interruption() async {
    signal(SIGINT, SIG_IGN)
    let (interrupts, interrupted) = AsyncStream.makeStream(of: Void.self)
    let source = DispatchSource.makeSignalSource(signal: SIGINT)
    source.setEventHandler { interrupted.yield() }
    source.resume()
    for await _ in interrupts { break }
    source.cancel()
  }
}

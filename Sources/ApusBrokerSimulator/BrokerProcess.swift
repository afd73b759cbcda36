import ApusBase
import ApusBroker
import ApusModel
import ApusRemoting
import ApusSimulator
import ApusSystem

/// One life of the production broker on a simulated machine: its loops, its server and the broker itself, without a
/// port: clients come through pairs of connected sockets.
final class BrokerProcess {
  let broker: Broker
  private let loops: [EventLoop]
  private let server: RemotingServer
  private static let host = HostAddress(ipv4: 0x7F00_0001, port: 10_911)

  /// Opens the store on `disk`, as `apus broker` does; `watch` is told of the loops. To be called on the machine.
  init(
    _ entries: [(String, String)], loopCount: Int, disk: any Disk, log: Logger, watch: inout LoopWatch
  ) throws {
    let machine = BrokerSettings.Machine(cores: 2, hostName: "sim", address: "127.0.0.1", storeRoot: "store")
    let properties = PropertiesFile(entries.map { PropertiesFile.Entry($0.0, $0.1) })
    let settings = try BrokerSettings(properties, machine: machine, now: SystemClock.wall())
    let loops = try (0..<loopCount).map { try EventLoop(index: $0, name: "loop-\($0)", readBufferBytes: 32 << 10) }
    self.loops = loops
    watch.add(loops)
    server = RemotingServer(loops: loops, log: log)
    for loop in loops { try loop.start() }
    do {
      broker = try Broker(
        settings: settings, settingsFile: nil, loops: loops, ownAddresses: [Self.host], disk: disk,
        memoryBytes: 1 << 30,
        log: log)
    } catch {
      for loop in loops { loop.stop() }
      for loop in loops { loop.join() }
      throw error
    }
  }

  /// Where the log ended when recovery was done.
  var recoveredEnd: Int64 { broker.recoveredEnd.rawValue }

  /// Starts what works by itself.
  func start() throws { try broker.start() }

  /// A new connection to the broker: the client's end.
  func connect(port: UInt16) throws -> Int32 {
    let pair = try Socket.pair()
    server.adopt(pair.0, peer: HostAddress(ipv4: 0x7F00_0001, port: Int32(port)), service: broker.port)
    return pair.1
  }

  /// Stops in order: what was accepted is answered, everything is written.
  func stop() throws {
    broker.leave()
    server.quiesce()
    broker.drain(within: .seconds(20))
    server.close(within: .seconds(1))
    defer { endLoops() }
    try broker.close()
  }

  /// Lets go of everything after the machine has stopped under it: no call reaches the disk any more.
  func abandon(on machine: SimulatedMachine) {
    machine.endThreads()
    broker.leave()
    server.close(within: .zero)
    do { try broker.close() } catch {
      // A store on a machine that has stopped cannot be closed.
    }
    endLoops()
  }

  private func endLoops() {
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
  }
}

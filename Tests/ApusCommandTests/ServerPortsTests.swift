import ApusBase
import ApusBroker
import ApusCommandLine
import Testing

@testable import apus

@Suite struct ServerPortsTests {
  private func refusal(_ entries: [PropertiesFile.Entry], nameServerPort: Int? = nil) throws -> CommandFailure? {
    let settings = try Configuration.settings(PropertiesFile(entries), machine: Configuration.machine())
    do throws(CommandFailure) {
      try ServerPorts(settings, nameServerPort: nameServerPort).requireDistinct()
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [(19876, "0"), (19874, "0"), (19999, "19876"), (19999, "19874")])
  func `two settings that ask for one port are named`(nameServerPort: Int, metricsPort: String) throws {
    let entries: [PropertiesFile.Entry] = [
      .init("listenPort", "19876"), .init("metricsPromExporterPort", metricsPort),
    ]
    let failure = try #require(try refusal(entries, nameServerPort: nameServerPort))
    #expect(failure.status == .configuration)
    #expect(failure.message.contains("listenPort"), "\(failure.message)")
    let other = metricsPort == "0" ? "--namesrv-port" : "metricsPromExporterPort"
    #expect(failure.message.contains(other), "\(failure.message)")
  }

  @Test func `ports that differ, are chosen later or lie on other addresses are taken`() throws {
    #expect(try refusal([.init("listenPort", "19876")], nameServerPort: 19877) == nil)
    #expect(try refusal([.init("listenPort", "0")], nameServerPort: 0) == nil)
    let apart: [PropertiesFile.Entry] = [
      .init("bindAddress", "127.0.0.1"), .init("listenPort", "19876"), .init("metricsPromExporterPort", "19876"),
      .init("metricsPromExporterHost", "127.0.0.2"),
    ]
    #expect(try refusal(apart) == nil)
  }
}

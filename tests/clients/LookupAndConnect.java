// As an application in Java does it: InetAddress.getByName, then connect to it; without the JVM's own cache of 30 s,
// as services that use DNS for discovery are configured.
// Usage: java LookupAndConnect COUNT PORT NAME...   prints for each name: NAME ADDRESS COUNT
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.Security;
import java.util.Map;
import java.util.TreeMap;

public class LookupAndConnect {
    public static void main(String[] arguments) throws Exception {
        Security.setProperty("networkaddress.cache.ttl", "0");
        int count = Integer.parseInt(arguments[0]);
        int port = Integer.parseInt(arguments[1]);
        for (int n = 2; n < arguments.length; ++n) {
            Map<String, Integer> tally = new TreeMap<>();
            for (int i = 0; i < count; ++i) {
                InetAddress address = InetAddress.getByName(arguments[n]);
                try (Socket connection = new Socket()) {
                    connection.connect(new InetSocketAddress(address, port));
                }
                tally.merge(address.getHostAddress(), 1, Integer::sum);
            }
            for (Map.Entry<String, Integer> entry : tally.entrySet()) {
                System.out.println(arguments[n] + " " + entry.getKey() + " " + entry.getValue());
            }
        }
    }
}

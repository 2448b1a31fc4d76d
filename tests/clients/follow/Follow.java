// As an application in Java does it: the JDK's own HTTP client, or Apache HttpClient with a pool.
// Usage: java -cp ... Follow NAME PORT TRIES LIFE apache|jdk   (seconds; 0: a connection for each request)
// Prints as README.md says.
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.DefaultHttpRequestRetryHandler;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.util.EntityUtils;

public class Follow {
    interface Request {
        String get(String url) throws Exception;
    }

    // recipe apache
    static CloseableHttpClient newClient(int lifeSeconds) {
        RequestConfig timeouts = RequestConfig.custom().setConnectTimeout(1000).setSocketTimeout(1000).build();
        return HttpClients.custom()
                .setDefaultRequestConfig(timeouts)
                .setConnectionTimeToLive(lifeSeconds, TimeUnit.SECONDS)
                .setRetryHandler(new DefaultHttpRequestRetryHandler(0, false)) // the caller tries again
                .build();
    }
    // end of recipe

    // recipe jdk
    static String get(String url) throws Exception { // with -Dhttp.keepAlive=false
        HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
        connection.setConnectTimeout(1000);
        connection.setReadTimeout(1000);
        try (var body = connection.getInputStream()) {
            return new String(body.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
    // end of recipe

    static Request apache(int life) {
        CloseableHttpClient client = newClient(life);
        return url -> {
            HttpGet get = new HttpGet(url);
            if (life == 0) {
                get.setHeader("Connection", "close");
            }
            try (var response = client.execute(get)) {
                return EntityUtils.toString(response.getEntity());
            }
        };
    }

    static String outcome(Request request, String url, int tries) throws InterruptedException {
        for (int left = tries;; --left) {
            try {
                return "ok " + request.get(url).trim();
            } catch (Exception error) {
                if (left <= 1) {
                    return "error " + error;
                }
                Thread.sleep(100);
            }
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        String url = "http://" + arguments[0] + ":" + arguments[1] + "/";
        int life = Integer.parseInt(arguments[3]);
        Request request = arguments[4].equals("apache") ? apache(life) : Follow::get;
        while (true) {
            double began = System.currentTimeMillis() / 1000.0;
            long clock = System.nanoTime();
            String outcome = outcome(request, url, Integer.parseInt(arguments[2]));
            System.out.printf("%.3f %.3f %s%n", began, (System.nanoTime() - clock) / 1e9, outcome);
            Thread.sleep(100);
        }
    }
}

SELECT format('job %s', jobid) AS name, active FROM cron.job ORDER BY jobid
